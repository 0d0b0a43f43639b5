// The line between before and after, one for both large views; the class under the pointer; and the legend.
import {
  $,
  $$,
  button,
  listen,
  make,
  onWorkspace,
  painting,
  positionIn,
  prefersLessMotion,
  root,
  setAttributes,
  shown,
  t,
  workspace,
} from './context.js';
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
const confidence = make('canvas').getContext('2d', { willReadFrequently: true });
const SWEEP_MS = 2600;
let wipe = 0;
let sweepState = 'due'; // then 'going', then 'over'

/** The classes, with their colours; while something is drawn they are the palette. */
export const legend = $('.u-legend');

/** Sets how much of the picture, from the left, is shown as it was before. */
export function setWipe(share) {
  wipe = clamp(share, 0, 1);
  for (const id of COMPARED) $('canvas.before', views[id]).style.clipPath = `inset(0 ${100 - wipe * 100}% 0 0)`;
  for (const line of lines) {
    line.style.left = `${wipe * 100}%`;
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

let names = new Map();

function classAt(canvas, place) {
  const [x, y] = pixelAt(place, shown.width, shown.height);
  const [red, green, blue] = canvas.getContext('2d').getImageData(x, y, 1, 1).data;
  return names.get([red, green, blue].join());
}

function confidenceAt(place) {
  const image = shown.confidence;
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
  highlight(place[0] < wipe ? before : after);
}

function addTip(id) {
  const box = boxOf(id);
  box.addEventListener('pointermove', (event) => {
    if (shown.width && !isPainted(id)) showTip(id, positionIn(event, box));
  });
  box.addEventListener('pointerleave', () => {
    tip.hidden = true;
    highlight(null);
  });
}

// ---- the legend

function highlight(name) {
  for (const item of $$('li', legend)) item.classList.toggle('at', item.dataset.name === name);
}

function legendItem({ name, rgb }) {
  const item = make('li');
  item.dataset.name = name;
  const label = button('', name);
  const swatch = make('i');
  swatch.style.background = `rgb(${rgb.join()})`;
  label.prepend(swatch);
  item.append(label);
  return item;
}

function addLegend() {
  const chips = make('style'); // the colours of the classes to hide, in the controls
  root.append(chips);
  legend.setAttribute('aria-label', t('classes'));
  onWorkspace(() => {
    names = new Map(workspace.classes.map(({ rgb, name }) => [rgb.join(), name]));
    legend.replaceChildren(...workspace.classes.map(legendItem));
    legend.classList.toggle('u-many', workspace.classes.length > 24);
    const rule = ({ rgb }, number) => `#u-hide label:nth-of-type(${number + 1}) { --chip: rgb(${rgb.join()}) }`;
    chips.textContent = workspace.classes.map(rule).join('\n');
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
  addLegend();
  for (const id of COMPARED) {
    addDragging(id);
    addTip(id);
  }
}
