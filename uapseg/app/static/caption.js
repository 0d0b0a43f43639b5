// The line that says what a run does. Its epsilon can be dragged, or changed by the arrow keys.
import { $, byId, make, setAttributes, t } from './context.js';
import { clamp } from './numbers.js';

const PIXELS = 8; // of a drag for each grey level
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -99, End: 99 };
const line = $('[data-k=caption]');
const [textBefore, number, requested, textAfter] = ['', 'u-number', 'u-wanted', ''].map((name) => make('span', name));
const slider = () => $('input[type=range]', byId('u-epsilon'));

/** The epsilon of the controls, and that of the shown perturbation. */
const epsilon = { asked: 0, shown: 0 };

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showEpsilon() {
  const { asked, shown } = epsilon;
  setText(number, String(shown));
  setText(requested, asked === shown ? '' : ` → ${asked}`);
  setAttributes(number, { 'aria-valuenow': asked, 'aria-valuetext': asked });
}

/** The position of the last occurrence of a number in a text; -1 if there is none. */
function lastNumber(text, number) {
  const pattern = new RegExp(`\\b${String(number).replace('.', '\\.')}\\b`, 'g');
  return [...text.matchAll(pattern)].at(-1)?.index ?? -1;
}

/**
 * Sets the caption.
 *
 * @param {string} caption
 * @param {?number} shown The epsilon in it, if it can be changed.
 * @param {?number} asked The epsilon of the controls.
 */
export function setCaption(caption, shown = null, asked = shown) {
  const at = shown == null ? -1 : lastNumber(caption, shown);
  if (at < 0) {
    setText(line, caption);
    return;
  }
  Object.assign(epsilon, { asked, shown });
  if (!line.contains(number)) line.replaceChildren(textBefore, number, requested, textAfter);
  setText(textBefore, caption.slice(0, at));
  setText(textAfter, caption.slice(at + String(shown).length));
  showEpsilon();
}

/** Sets another epsilon, as moving its slider does. */
function ask(value) {
  const input = slider();
  const next = clamp(value, Number(input.min), Number(input.max));
  if (next === epsilon.asked) return;
  epsilon.asked = next;
  input.value = next;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  showEpsilon();
}

function addDragging() {
  let start = null;
  number.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    start = { x: event.clientX, value: epsilon.asked };
    number.setPointerCapture(event.pointerId);
  });
  number.addEventListener('pointermove', ({ clientX }) => {
    if (start) ask(start.value + Math.round((clientX - start.x) / PIXELS));
  });
  for (const end of ['pointerup', 'pointercancel']) {
    number.addEventListener(end, () => {
      start = null;
    });
  }
}

export function mount() {
  const { min, max } = slider();
  setAttributes(number, {
    role: 'slider',
    tabindex: 0,
    'aria-label': t('epsilon'),
    'aria-valuemin': min,
    'aria-valuemax': max,
  });
  number.title = t('epsilon_how');
  addDragging();
  number.addEventListener('keydown', (event) => {
    const by = STEPS[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    ask(epsilon.asked + by);
  });
}
