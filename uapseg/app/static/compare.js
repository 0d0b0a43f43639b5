// The line between before and after, one for both large views; and the place under the pointer, marked in every view.
import {
  $,
  images,
  listen,
  make,
  painting,
  positionIn,
  prefersLessMotion,
  root,
  setAttributes,
  t,
} from './context.js';
import { markClass, nameOf } from './legend.js';
import { clamp, percent, pixelAt, wipeEdge } from './numbers.js';
import { boxOf, rawLabels, views } from './views.js';

const COMPARED = ['photo', 'prediction'];
const STEPS = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.2,
  PageUp: 0.2,
  Home: -1,
  End: 1,
};
const lines = COMPARED.map(() => make('div', 'u-wipe'));
const handle = make('i');
const tip = make('div', 'u-tip');
const marks = Object.fromEntries(Object.keys(views).map((id) => [id, make('div', 'u-mark')]));
const confidence = make('canvas').getContext('2d', { willReadFrequently: true });
const SWEEP_MS = 2600;
let wipe = 0;
let sweepState = 'due'; // then 'going', then 'over'

/** Sets how much of the picture, from the left, is shown without the perturbation. */
export function setWipe(share) {
  wipe = clamp(share, 0, 1);
  for (const id of COMPARED) $('canvas.before', views[id]).style.clipPath = `inset(0 ${100 - wipe * 100}% 0 0)`;
  for (const line of lines) {
    line.style.left = `${wipe * 100}%`;
    line.style.setProperty('--wipe', wipe);
    line.dataset.edge = wipeEdge(wipe);
  }
  handle.setAttribute('aria-valuenow', Math.round(wipe * 100));
}

/** Moves the line over the picture and back, once, to show the effect; a press of the visitor ends it. */
function sweep() {
  if (sweepState !== 'due' || painting.on || prefersLessMotion() || wipe > 0) return;
  sweepState = 'going';
  let start = null;
  const step = (time) => {
    start ??= time;
    const share = (time - start) / SWEEP_MS;
    if (sweepState !== 'going') return;
    setWipe(Math.sin(Math.PI * Math.min(1, share)) ** 2);
    if (share < 1) requestAnimationFrame(step);
    else sweepState = 'over';
  };
  requestAnimationFrame(step);
}

export const wipeShare = () => wipe;

function addLines() {
  COMPARED.forEach((id, number) => {
    lines[number].append(number ? make('i') : handle, make('em', '', t('before')), make('em', '', t('after')));
    boxOf(id).append(lines[number]);
  });
  setAttributes(handle, {
    role: 'slider',
    tabindex: 0,
    'aria-label': t('wipe'),
    'aria-valuemin': 0,
    'aria-valuemax': 100,
  });
  handle.addEventListener('keydown', (event) => {
    const by = STEPS[event.key];
    if (!by) return;
    event.preventDefault();
    setWipe(wipe + by);
  });
  setWipe(wipe);
}

const isPainted = (id) => id === 'photo' && painting.on;

function addDragging(id) {
  const box = boxOf(id);
  let dragging = false;
  box.addEventListener('pointerdown', (event) => {
    if (event.button || isPainted(id) || views[id].closest('.u-small')) return;
    dragging = true;
    box.setPointerCapture(event.pointerId);
    setWipe(positionIn(event, box)[0]);
  });
  box.addEventListener('pointermove', (event) => {
    if (dragging) setWipe(positionIn(event, box)[0]);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    box.addEventListener(end, () => {
      dragging = false;
    });
  }
}

// ---- the class under the pointer

function classAt(canvas, place) {
  const [x, y] = pixelAt(place, images.width, images.height);
  return nameOf(canvas.getContext('2d').getImageData(x, y, 1, 1).data.subarray(0, 3));
}

function confidenceAt(place) {
  const image = images.confidence;
  if (!image) return '';
  const { canvas } = confidence;
  if (canvas.source !== image) {
    Object.assign(canvas, { width: image.width, height: image.height, source: image });
    confidence.drawImage(image, 0, 0);
  }
  const [value] = confidence.getImageData(...pixelAt(place, image.width, image.height), 1, 1).data;
  return t('confidence_of', { share: percent(value / 255) });
}

function showTip(id, place) {
  const [before, after] = [rawLabels.before, rawLabels.after].map((canvas) => classAt(canvas, place));
  boxOf(id).append(tip);
  tip.hidden = !after;
  tip.textContent = (before === after ? after : t('became', { before, after })) + confidenceAt(place);
  tip.style.left = `${clamp(place[0], 0.12, 0.88) * 100}%`;
  tip.style.top = `${place[1] * 100}%`;
  markClass(place[0] < wipe ? before : after);
}

/** Marks the place under the pointer in every view. */
function markPlace(place) {
  for (const [id, mark] of Object.entries(marks)) {
    mark.hidden = !place || isPainted(id);
    if (place) Object.assign(mark.style, { left: `${place[0] * 100}%`, top: `${place[1] * 100}%` });
  }
}

function addTip(id) {
  const box = boxOf(id);
  box.append(marks[id]);
  box.addEventListener('pointermove', (event) => {
    if (!images.width || isPainted(id)) return;
    const place = positionIn(event, box);
    markPlace(place);
    if (COMPARED.includes(id)) showTip(id, place);
  });
  box.addEventListener('pointerleave', () => {
    tip.hidden = true;
    markPlace(null);
    markClass(null);
  });
}

export function mount() {
  tip.hidden = true;
  listen('effect', sweep);
  for (const kind of ['pointerdown', 'keydown']) {
    root.addEventListener(kind, () => {
      sweepState = 'over';
    });
  }
  addLines();
  COMPARED.forEach(addDragging);
  Object.keys(views).forEach(addTip);
  markPlace(null);
}
