// What the views show, in a sentence for who cannot see them.
import { $, facts, images, listen, poll, setAttributes, t, workspace } from './context.js';
import { classShares } from './label-map.js';
import { listShares } from './numbers.js';
import { labelPixels, views } from './views.js';

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

export function mount() {
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
