// What keyboards and screen readers need: groups that are one stop for the Tab key, the views described in sentences,
// and Gradio's messages mended.
import { $, $$, facts, images, listen, poll, setAttributes, t, workspace } from './context.js';
import { classShares } from './label-map.js';
import { listShares } from './numbers.js';
import { labelPixels, views } from './views.js';

// ---- groups of controls that are one stop: the arrow keys move between their members

const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

const isReachable = (node) => !node.disabled && node.checkVisibility();

/** The member that Tab reaches: the selected one, else the one that had the focus, else the first. */
function stopOf(members) {
  const selected = members.find((node) =>
    node.type === 'radio' ? node.checked : node.getAttribute('aria-selected') === 'true',
  );
  return selected ?? members.find((node) => node.tabIndex === 0) ?? members[0];
}

/**
 * Makes a group one stop.
 *
 * @param {HTMLElement} group What holds the members, also those that are added later.
 * @param {string} selector What finds them in it.
 * @param {boolean} activates Whether a member that gets the focus by an arrow key is pressed too, as tabs and radio
 *   buttons are.
 */
export function rove(group, selector, activates = false) {
  const members = () => [...group.querySelectorAll(selector)];
  const setStop = (stop) => {
    for (const node of members()) {
      const tabIndex = node === stop ? 0 : -1;
      if (node.tabIndex !== tabIndex) node.tabIndex = tabIndex;
    }
  };
  const update = () => setStop(stopOf(members().filter(isReachable)) ?? members()[0]);
  group.addEventListener('change', update);
  group.addEventListener('focusin', ({ target }) => {
    if (target.matches(selector)) setStop(target);
  });
  group.addEventListener('keydown', (event) => {
    const by = MOVES[event.key];
    const reachable = members().filter(isReachable);
    const at = reachable.indexOf(event.target);
    if (!by || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = Math.abs(by) === 1 ? (at + by + reachable.length) % reachable.length : by < 0 ? 0 : -1;
    reachable.at(next).focus();
    if (activates) reachable.at(next).click();
  });
  const options = { subtree: true, childList: true, attributeFilter: ['disabled', 'hidden', 'aria-selected'] };
  new MutationObserver(update).observe(group, options);
  update();
}

// ---- what the views show, in a sentence for who cannot see them

const PAUSE_MS = 1000; // between two descriptions, as counting pixels takes a few milliseconds
let isDue = false;

/** The share of each class in a label map that is shown. */
const sharesOf = (name) => classShares(labelPixels(name), workspace.classes);

function predictionText(before, after) {
  const names = workspace.classes.map(({ name }) => name);
  return t('describe', { view: t('prediction'), shares: listShares(names, after, before, facts.words.was) });
}

function targetText() {
  const view = $('figcaption b', views.target).textContent;
  if (!images.target) return t('describe_none', { view });
  const names = workspace.classes.map(({ name }) => name);
  const shares = sharesOf('target');
  return t('describe', { view, shares: listShares(names, shares, shares, '') });
}

function describe() {
  isDue = false;
  if (!images.clean) return;
  const texts = {
    photo: t(images.after ? 'describe_photo' : 'describe_clean', { view: $('figcaption b', views.photo).textContent }),
    prediction: predictionText(sharesOf('before'), sharesOf('after')),
    perturbation: t(images.perturbation ? 'describe_perturbation' : 'describe_none', { view: t('perturbation') }),
    target: targetText(),
  };
  for (const [id, text] of Object.entries(texts)) $('canvas.base', views[id]).setAttribute('aria-label', text);
}

function mountDescriptions() {
  for (const node of Object.values(views)) {
    for (const canvas of node.querySelectorAll('canvas:not(.base, .paint)')) canvas.setAttribute('aria-hidden', true);
    setAttributes($('canvas.base', node), { role: 'img', 'aria-label': t('loading') });
  }
  listen('redrawn', () => {
    if (isDue) return;
    isDue = true;
    setTimeout(describe, poll.status === 'running' ? PAUSE_MS : 0);
  });
}

// ---- Gradio's messages. Their header is marked as a button, but holds the one that closes the message: a button in a
// button, of which screen readers tell one alone. The mark is taken off; a press on the header still folds the message.

function unmark(wrap) {
  for (const header of $$('.toast-header[role]', wrap)) {
    header.removeAttribute('role');
    header.removeAttribute('tabindex');
  }
}

function mountMessages() {
  const wrap = document.querySelector('.toast-wrap');
  if (wrap) new MutationObserver(() => unmark(wrap)).observe(wrap, { childList: true, subtree: true });
}

export function mount() {
  mountDescriptions();
  mountMessages();
}
