// The four views: where each is shown, how before and after are compared in it, and what is painted on it.
import {
  $,
  $$,
  announce,
  button,
  emit,
  icon,
  images,
  loadImage,
  make,
  metrics,
  modes,
  onWorkspace,
  painting,
  poll,
  prefersLessMotion,
  requestFrame,
  root,
  setAttributes,
  t,
  workspace,
} from './context.js';
import { markChanges, outline, toHeat } from './label-map.js';
import { fitShare } from './numbers.js';

const NARROWEST = 1.4; // narrower pictures stand in a frame of this ratio, so that the page still fits the screen
const OVERLAY = 0.78;
const LINES = 0.7;
const BLINK_MS = 650;
const MODES = {
  photo: ['wipe', 'blink', 'difference'],
  prediction: ['labels', 'changed', 'confidence'],
  perturbation: ['amplified', 'spectrum'],
};
const slots = { left: 'photo', right: 'prediction', a: 'perturbation', b: 'target' };

export const views = {
  photo: view('photo', t('compare'), ['base', 'before', 'highlight', 'paint']),
  prediction: view('prediction', t('point'), ['base', 'before', 'highlight']),
  perturbation: view('perturbation', '', ['base', 'highlight']),
  target: view('target', '', ['base', 'highlight']),
};

function view(id, hint, layers) {
  const node = make('div', 'u-view');
  node.dataset.view = id;
  const canvases = layers.map((name) => `<canvas class="${name}"></canvas>`).join('');
  node.innerHTML = `<figcaption><b>${t(id)}</b><span>${hint}</span></figcaption>
    <div class="u-frame"><div class="u-fit">${canvases}</div></div>`;
  return node;
}

/** The canvases of label colours, unblended, from which classes and confidences are read. */
export const rawLabels = Object.fromEntries(
  ['before', 'after', 'target', 'confidence'].map((name) => [name, make('canvas')]),
);

/** The pixels of such a canvas, as RGBA. */
export const labelPixels = (name) => pixelsOf(rawLabels[name]).data;

export const boxOf = (id) => $('.u-fit', views[id]);
export const setTitle = (id, text) => {
  $('figcaption b', views[id]).textContent = text;
};
export const setHint = (id, text) => {
  $('figcaption span', views[id]).textContent = text;
};

// ---- places

function place() {
  for (const [slot, id] of Object.entries(slots)) $(`[data-slot=${slot}]`).replaceChildren(views[id]);
  root.dataset.left = slots.left;
}

/** Shows a view large, in the first place. */
export function enlarge(id) {
  const slot = Object.keys(slots).find((name) => slots[name] === id);
  if (slot === 'left') return;
  [slots[slot], slots.left] = [slots.left, id];
  const { activeElement } = document;
  place();
  if (!root.contains(activeElement)) return;
  (activeElement.checkVisibility() ? activeElement : $('.u-fill', views[id])).focus(); // moving it took the focus away
}

let leftBefore = null;

/** Shows one view alone, as large as the window; see present.js for the way back. */
function fillWindow(id) {
  leftBefore = slots.left;
  enlarge(id);
  root.dataset.present = id;
  root.focus();
  announce(t('filled', { view: t(id) }));
}

/** Puts the views back where they were before one of them filled the window. */
export function restoreViews() {
  if (leftBefore) enlarge(leftBefore);
  leftBefore = null;
}

function addEnlargeButtons() {
  for (const [id, node] of Object.entries(views)) {
    const larger = button('u-enlarge', '', () => enlarge(id));
    larger.append(icon('M10 2h4v4M14 2 9 7M6 14H2v-4M2 14l5-5'));
    larger.setAttribute('aria-label', t('large', { view: t(id) }));
    const fill = button('u-fill', '', () => fillWindow(id));
    fill.append(icon('M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4'));
    fill.setAttribute('aria-label', t('fill_window', { view: t(id) }));
    $('figcaption', node).append(larger, fill);
    $('.u-frame', node).addEventListener('click', () => {
      if (node.closest('.u-small')) enlarge(id);
    });
  }
}

/** Scrolls to the pictures where most of the first is out of sight, as it may be on a phone. */
export function bringIntoSight() {
  const { top, bottom } = $('[data-slot=left]').getBoundingClientRect();
  const middle = (top + bottom) / 2;
  if (middle > 0 && middle < innerHeight) return;
  root.scrollIntoView({ behavior: prefersLessMotion() ? 'auto' : 'smooth' });
}

// ---- modes

export function setMode(id, name) {
  modes[id] = name;
  root.dataset[`${id}Mode`] = name;
  $('.u-mode', views[id]).value = name;
  requestFrame();
  redraw();
}

export function resetModes() {
  for (const [id, [first]] of Object.entries(MODES)) setMode(id, first);
}

function addModes() {
  for (const [id, names] of Object.entries(MODES)) {
    const choice = make('select', 'u-mode');
    choice.setAttribute('aria-label', t('compare_how', { view: t(id) }));
    choice.append(...names.map((name) => new Option(t(`m_${name}`), name)));
    choice.addEventListener('change', () => setMode(id, choice.value));
    $('figcaption b', views[id]).after(choice);
    root.dataset[`${id}Mode`] = modes[id];
  }
  const factor = make('input', 'u-factor');
  setAttributes(factor, { type: 'range', min: 1, max: 60, value: modes.factor, 'aria-label': t('factor') });
  factor.addEventListener('input', () => {
    modes.factor = Number(factor.value);
    requestFrame();
  });
  $('figcaption .u-mode', views.photo).after(factor);
}

function blink() {
  const isBlinking = modes.photo === 'blink' && !painting.on && !document.hidden;
  // With less motion the line between before and after stays: see small.css
  root.toggleAttribute('data-blinked', isBlinking && !prefersLessMotion() && !root.hasAttribute('data-blinked'));
}

// ---- drawing

const context = (id, layer = 'base') => $(`canvas.${layer}`, views[id]).getContext('2d');

function fit(id, width, height) {
  for (const canvas of $$('canvas', views[id])) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }
  const share = fitShare(width / height, Math.max(NARROWEST, workspace.size[0] / workspace.size[1]));
  Object.assign(boxOf(id).style, { width: `${share.width * 100}%`, height: `${share.height * 100}%` });
}

/** Draws labels over a photo, with a line around each region: colours alone are not told apart by everybody. */
function overlay(pen, photo, labels, raw) {
  const { width, height } = pen.canvas;
  pen.globalAlpha = 1;
  pen.imageSmoothingEnabled = true;
  pen.drawImage(photo, 0, 0, width, height);
  pen.globalAlpha = OVERLAY;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(labels, 0, 0, width, height);
  const picture = pixelsOf(raw);
  picture.data.set(outline(picture.data, picture.width));
  const lines = new OffscreenCanvas(picture.width, picture.height);
  lines.getContext('2d').putImageData(picture, 0, 0);
  pen.globalAlpha = LINES;
  pen.drawImage(lines, 0, 0, width, height);
  pen.globalAlpha = 1;
}

function store(canvas, labels, [width, height] = [images.width, images.height]) {
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.imageSmoothingEnabled = false;
  if (labels) pen.drawImage(labels, 0, 0, width, height);
}

const pixelsOf = (canvas) =>
  canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);

function drawConfidence(pen) {
  store(rawLabels.confidence, images.confidence);
  const picture = pixelsOf(rawLabels.confidence);
  toHeat(picture.data);
  pen.putImageData(picture, 0, 0);
}

function drawChanges(pen) {
  pen.drawImage(images.after || images.clean, 0, 0, images.width, images.height);
  const picture = pen.getImageData(0, 0, images.width, images.height);
  markChanges(picture.data, pixelsOf(rawLabels.before).data, pixelsOf(rawLabels.after).data);
  pen.putImageData(picture, 0, 0);
}

function drawPhoto() {
  const ground = painting.on ? images.scene || images.clean : null;
  const [width, height] = painting.on ? workspace.size : [images.width, images.height];
  fit('photo', width, height);
  const after = (modes.photo === 'difference' && images.difference) || images.after || images.clean;
  context('photo').drawImage(ground || after, 0, 0, width, height);
  context('photo', 'before').drawImage(ground || images.clean, 0, 0, width, height);
}

function drawLabels() {
  fit('prediction', images.width, images.height);
  store(rawLabels.after, images.labels || images.cleanLabels);
  store(rawLabels.before, images.cleanLabels);
  overlay(context('prediction', 'before'), images.clean, images.cleanLabels, rawLabels.before);
  if (modes.prediction === 'confidence' && images.confidence) drawConfidence(context('prediction'));
  else if (modes.prediction === 'changed') drawChanges(context('prediction'));
  else
    overlay(context('prediction'), images.after || images.clean, images.labels || images.cleanLabels, rawLabels.after);
}

function drawSmall(id) {
  fit(id, ...workspace.size);
  const pen = context(id);
  pen.imageSmoothingEnabled = id === 'perturbation';
  pen.fillStyle = '#808080';
  pen.fillRect(0, 0, ...workspace.size);
  if (images[id]) pen.drawImage(images[id], 0, 0, ...workspace.size);
}

export function redraw() {
  if (!images.clean) return;
  drawPhoto();
  drawLabels();
  drawSmall('perturbation');
  drawSmall('target');
  store(rawLabels.target, images.target, workspace.size);
  root.toggleAttribute('data-clean', !images.after);
  emit('redrawn');
}

// ---- what is shown

let latest = 0;
let nextPhoto = null;

/** Takes the pictures of an answer of the server, which may lack some; those asked for last win. */
export async function showFrame(reply) {
  const order = ++latest;
  const parts = {
    after: 'after',
    labels: 'prediction',
    perturbation: 'perturbation',
    difference: 'difference',
    confidence: 'confidence',
  };
  const loadedImages = await Promise.all(
    Object.values(parts).map((name) => (reply[name] ? loadImage(reply[name]) : null)),
  );
  if (order !== latest) return;
  const wasClean = !images.after;
  Object.assign(
    images,
    nextPhoto,
    Object.fromEntries(Object.keys(parts).map((name, number) => [name, loadedImages[number]])),
  );
  nextPhoto = null;
  if ('frame' in reply) poll.frame = reply.frame;
  metrics.success = reply.success;
  images.frames++;
  if (wasClean) emit('effect');
}

/** Shows the photo without the perturbation. */
export function showClean() {
  latest++;
  Object.assign(images, nextPhoto, { after: null, labels: null, difference: null, confidence: null });
  nextPhoto = null;
}

/** Takes a photo, and what the network sees in it; it is shown with the next frame, or at once by `showClean`. */
export async function loadPhoto({ image, prediction, width, height }) {
  const [clean, cleanLabels] = await Promise.all([loadImage(image), loadImage(prediction)]);
  nextPhoto = { clean, cleanLabels, width, height };
}

/** Whether a photo waits for its frame. */
export const isPhotoWaiting = () => nextPhoto !== null;

export function mount() {
  addModes();
  addEnlargeButtons();
  place();
  onWorkspace(() => {
    root.style.setProperty('--frame', Math.max(NARROWEST, workspace.size[0] / workspace.size[1]));
    const { key } = workspace;
    loadImage(workspace.scene.image).then((image) => {
      if (key !== workspace.key) return;
      images.scene = image;
      redraw();
    });
  });
  setInterval(blink, BLINK_MS);
}
