// Presenting: two pictures, a sentence and a number fill the screen, worked by keys; F or `?present` begins it.
import { setWipe, wipeShare } from './compare.js';
import { announce, byId, gallery, gradio, history, make, root, t, workspace } from './context.js';
import { openExample, showTab } from './gallery.js';
import { setStrength } from './history.js';
import { showMetrics } from './metrics.js';
import { clamp } from './numbers.js';
import { stopRecorded } from './recorded.js';
import { startOrPause } from './run-buttons.js';
import { enlarge, resetModes, restoreViews } from './views.js';

const WORD_DELAY_MS = 800; // until a changed word has reached the server
const STRENGTH_STEP = 0.05;
const MAX_STRENGTH = 1.5;
const OF_CONTROLS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', ' ']; // where a slider or the canvas has the focus
const entry = make('form', 'u-entry');
const field = make('input');
let picture = -1;
let tabBefore = null; // of the pictures below, while they fill the window

const isPresenting = () => root.hasAttribute('data-present');

const KEYS = {
  ' ': startOrPause,
  b: () => setWipe(wipeShare() > 0.5 ? 0 : 1),
  n: () => nextPicture(1),
  PageDown: () => nextPicture(1), // what a presenter's clicker sends
  PageUp: () => nextPicture(-1),
  ArrowLeft: () => changeStrength(-STRENGTH_STEP),
  ArrowDown: () => changeStrength(-STRENGTH_STEP),
  ArrowRight: () => changeStrength(STRENGTH_STEP),
  ArrowUp: () => changeStrength(STRENGTH_STEP),
  w: askWord,
  g: toggleWall,
  p: toggleCount,
  Escape: leave,
};

function begin() {
  root.setAttribute('data-present', '');
  resetModes();
  enlarge('photo');
  root.focus();
  announce(t('presenting'));
}

function leave() {
  if (!isPresenting()) return;
  entry.hidden = true;
  if (root.hasAttribute('data-wall')) toggleWall();
  if (root.hasAttribute('data-count')) toggleCount();
  root.removeAttribute('data-present');
  restoreViews();
  if (document.fullscreenElement) document.exitFullscreen();
}

function changeStrength(by) {
  setStrength(clamp(Math.round((history.strength + by) * 20) / 20, 0, MAX_STRENGTH));
}

/** Shows the next of the scene and the held-out pictures. */
function nextPicture(by) {
  const count = workspace.held_out.length + 1;
  picture = ((picture + 1 + by + count) % count) - 1;
  gradio.trigger('view', picture < 0 ? { kind: 'scene', number: 0 } : { kind: 'held_out', number: picture });
}

/** Shows twelve pictures that the perturbation was not trained on instead of the two views, or those again. */
function toggleWall() {
  if (root.toggleAttribute('data-wall')) tabBefore = gallery.tab;
  showTab(root.hasAttribute('data-wall') ? 'held_out' : tabBefore);
}

/** Shows how many groups of people are gone instead of the share of their pixels, or that again. */
function toggleCount() {
  root.toggleAttribute('data-count');
  showMetrics();
}

function askWord() {
  entry.hidden = false;
  field.value = '';
  field.focus();
}

/** Trains the word that was typed. */
function trainWord(event) {
  event.preventDefault();
  entry.hidden = true;
  root.focus();
  if (!field.value.trim()) return;
  stopRecorded();
  for (const choice of ['#u-goal [value=static]', '#u-source [value=type]']) document.querySelector(choice).click();
  const word = document.querySelector('#u-word :is(textarea, input)');
  word.value = field.value.trim();
  word.dispatchEvent(new Event('input', { bubbles: true }));
  setTimeout(() => {
    if (!byId('u-pause')?.checkVisibility()) byId('u-start').click();
  }, WORD_DELAY_MS);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('dialog')) return;
  if (event.target.matches('input:not([type=range]), textarea, select')) {
    if (event.key === 'Escape' && isPresenting()) entry.hidden = true;
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === 'f') {
    if (isPresenting()) leave();
    else {
      begin();
      root.requestFullscreen?.().catch(() => {}); // without it the window is filled
    }
    return;
  }
  if (!isPresenting()) return;
  if (root.dataset.present && key !== 'Escape') return; // one view fills the window: its own keys work
  if (OF_CONTROLS.includes(key) && event.target.closest('[role=slider], [role=application]')) return;
  const example = workspace.examples[Number(key) - 1];
  if (!KEYS[key] && !example) return;
  event.preventDefault();
  event.stopPropagation();
  if (KEYS[key]) KEYS[key]();
  else openExample(Number(key) - 1);
}

export function mount() {
  field.setAttribute('aria-label', t('letters'));
  field.maxLength = 24;
  entry.hidden = true;
  entry.append(field);
  entry.addEventListener('submit', trainWord);
  root.append(entry);
  root.tabIndex = -1;
  document.addEventListener('keydown', onKey, { capture: true });
  document.addEventListener('fullscreenchange', () => {
    if (!document.fullscreenElement) leave();
  });
  if (new URLSearchParams(location.search).has('present')) begin();
}
