// The drawn target: the class of each pixel at the network's own resolution, and the tools to draw it with.

import { rove } from './accessibility.js';
import {
  $,
  announce,
  button,
  icon,
  loadImage,
  make,
  onWorkspace,
  root,
  setAttributes,
  t,
  workspace,
} from './context.js';
import * as labelMap from './label-map.js';
import { stencil } from './label-map.js';
import { boxBetween } from './numbers.js';
import { setHint, views } from './views.js';

const MAX_UNDONE = 30;

/** The drawing and its size. */
export const mask = { width: 0, height: 0, labels: new Uint8Array(), undone: [], redone: [] };

/** The drawing in the colours of its classes. */
export const maskLayer = make('canvas');

const scratch = make('canvas').getContext('2d', { willReadFrequently: true }); // where a stroke is made before it counts

function colour() {
  const picture = new ImageData(labelMap.toColours(mask.labels, workspace.classes), mask.width, mask.height);
  maskLayer.getContext('2d').putImageData(picture, 0, 0);
}

/** Keeps the drawing as it is, to be able to undo what comes. */
export function remember() {
  mask.undone.push(mask.labels.slice());
  mask.redone = [];
  if (mask.undone.length > MAX_UNDONE) mask.undone.shift();
}

function exchange(source, target) {
  const labels = source.pop();
  if (!labels) return false;
  target.push(mask.labels);
  mask.labels = labels;
  colour();
  return true;
}

export const undo = () => exchange(mask.undone, mask.redone);
export const redo = () => exchange(mask.redone, mask.undone);

/** Draws in one class what `stroke` paints on a canvas. */
export function rasterize(number, stroke) {
  scratch.clearRect(0, 0, mask.width, mask.height);
  scratch.fillStyle = scratch.strokeStyle = '#000';
  stroke(scratch);
  labelMap.rasterize(mask.labels, scratch.getImageData(0, 0, mask.width, mask.height).data, number);
  colour();
}

export function flood(place, number) {
  labelMap.flood(mask.labels, mask.width, mask.height, place, number);
  colour();
}

export function mirror() {
  labelMap.mirror(mask.labels, mask.width);
  colour();
}

export function invert(number) {
  labelMap.invert(mask.labels, number);
  colour();
}

export function clear() {
  mask.labels.fill(labelMap.NOTHING);
  colour();
}

/** The drawing as the address of a PNG whose red is the class number; null where nothing is drawn. */
export function encode() {
  if (mask.labels.every((number) => number === labelMap.NOTHING)) return null;
  const canvas = make('canvas');
  Object.assign(canvas, { width: mask.width, height: mask.height });
  const picture = new ImageData(labelMap.toPixels(mask.labels), mask.width, mask.height);
  canvas.getContext('2d').putImageData(picture, 0, 0);
  return canvas.toDataURL('image/png');
}

/** Takes the drawing from such a PNG. */
export async function decode(uri) {
  const image = await loadImage(uri);
  scratch.clearRect(0, 0, mask.width, mask.height);
  scratch.drawImage(image, 0, 0);
  mask.labels = labelMap.fromPixels(scratch.getImageData(0, 0, mask.width, mask.height).data);
  colour();
}

function mountMask() {
  onWorkspace(() => {
    const [width, height] = workspace.size;
    const labels = new Uint8Array(width * height).fill(labelMap.NOTHING);
    Object.assign(mask, { width, height, labels, undone: [], redone: [] });
    for (const canvas of [maskLayer, scratch.canvas]) Object.assign(canvas, { width, height });
  });
}

const PATHS = {
  view: 'M1.500 8s2.500-4.500 6.500-4.500S14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8ZM8 6.200a1.800 1.800 0 1 0 0 3.600 1.800 1.800 0 0 0 0-3.600Z',
  brush: 'M13.500 2.500 7 9M5.500 9.500c-2 0-1.500 2.500-3.500 3.500 3 1 5.500 0 5.500-2 0-.8-.8-1.500-2-1.500Z',
  erase: 'm2.500 10 6.500-6.500a1.400 1.400 0 0 1 2 0l2 2a1.400 1.400 0 0 1 0 2L8 12.500H5ZM5.500 7l4 4',
  fill: 'm3 9 5-5 5 5-5 5ZM6.500 2.500 8 4M14 11.500c-1 1.500-1 2.500 0 2.500s1-1 0-2.500Z',
  line: 'M2.500 13.500 13.500 2.500',
  box: 'M2.500 3.500h11v9h-11Z',
  oval: 'M8 3.500c3.500 0 5.500 2 5.500 4.500s-2 4.500-5.500 4.500S2.500 10.500 2.500 8 4.500 3.500 8 3.500Z',
  type: 'M3 4.500v-1.500h10v1.500M8 3v10M6 13h4',
  stamp: 'M2.500 2.500h11v11h-11ZM2.500 11l3.500-4 3 3 2-2 2.500 3',
  undo: 'M5.500 3 2.500 6l3 3M2.500 6h7a3.500 3.500 0 0 1 0 7H6',
  redo: 'm10.500 3 3 3-3 3M13.500 6h-7a3.500 3.500 0 0 0 0 7H10',
  mirror: 'M8 2v12M6 4.500 2 11.500h4ZM10 4.500l4 7h-4Z',
  invert: 'M8 2.500a5.500 5.500 0 1 0 0 11ZM8 2.500a5.500 5.500 0 0 1 0 11',
  clear: 'M3 4.500h10M6.500 4.500V3h3v1.500M4.500 4.500l.5 9h6l.5-9',
};
const ACTIONS = ['undo', 'redo', 'mirror', 'invert', 'clear'];
const OPTIONS = {
  size: ['brush', 'erase', 'line', 'fill'],
  letters: ['type'],
  scale: ['type', 'stamp'],
  file: ['stamp'],
  numbers: ['box', 'oval', 'line'],
};
const MAX_STENCIL = 1024; // pixels of the longer side

export const TOOLS = ['view', 'brush', 'erase', 'fill', 'line', 'box', 'oval', 'type', 'stamp'];
export const toolbar = make('div');
export const options = make('form');
export const option = (name) => options.elements[name];
export const toolButton = (name) => $(`[data-tool=${name}]`, toolbar);

let stamp = null; // an uploaded mask

/** Shows the options of a tool, and which one is in the hand. */
export function showTool(tool, isPainting) {
  for (const name of TOOLS) toolButton(name).setAttribute('aria-pressed', name === tool);
  for (const [name, tools] of Object.entries(OPTIONS))
    $(`[data-option=${name}]`, options).hidden = !tools.includes(tool);
  options.hidden = !isPainting || !Object.values(OPTIONS).some((tools) => tools.includes(tool));
}

/** What each tool paints, between two points in pixels. */
export const strokes = {
  brush(pen, from, to) {
    pen.lineWidth = option('size').value * 2;
    pen.lineCap = 'round';
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0] + 0.01, to[1]); // a line without length would paint nothing
    pen.stroke();
  },
  line(pen, from, to) {
    strokes.brush(pen, from, to);
  },
  box(pen, from, to) {
    pen.fillRect(...boxBetween(from, to));
  },
  oval(pen, from, to) {
    const middle = [0, 1].map((axis) => (from[axis] + to[axis]) / 2);
    const radii = [0, 1].map((axis) => Math.abs(to[axis] - from[axis]) / 2);
    pen.beginPath();
    pen.ellipse(...middle, ...radii, 0, 0, 7);
    pen.fill();
  },
  type(pen, _, to) {
    const length = (mask.width * option('scale').value) / 100;
    const letters = option('letters').value.trim();
    const { fontFamily } = getComputedStyle(root);
    Object.assign(pen, { textAlign: 'center', textBaseline: 'middle', font: `700 100px ${fontFamily}` });
    pen.font = `700 ${(100 * length) / Math.max(1, pen.measureText(letters).width)}px ${fontFamily}`;
    pen.fillText(letters, ...to);
  },
  stamp(pen, _, to) {
    if (!stamp) return;
    const width = (mask.width * option('scale').value) / 100;
    const height = (width * stamp.height) / stamp.width;
    pen.drawImage(stamp, to[0] - width / 2, to[1] - height / 2, width, height);
  },
};

function stampOf(image) {
  const canvas = make('canvas');
  const scale = Math.min(1, MAX_STENCIL / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.floor(side * scale)));
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0, width, height);
  const picture = pen.getImageData(0, 0, width, height);
  stencil(picture.data, width, height);
  pen.putImageData(picture, 0, 0);
  return canvas;
}

async function readStamp(file) {
  if (!file) return;
  const url = URL.createObjectURL(file);
  const image = await loadImage(url).catch(() => null);
  URL.revokeObjectURL(url);
  stamp = image && stampOf(image);
  const text = t(stamp ? 'stencil' : 'unreadable');
  setHint('photo', text);
  announce(text);
}

function field(name, type, attributes) {
  const label = make('label', '', t(name));
  const input = make('input');
  setAttributes(input, { type, name, ...attributes });
  label.dataset.option = name;
  label.append(input);
  return label;
}

function addOptions() {
  const numbers = make('fieldset');
  numbers.dataset.option = 'numbers';
  numbers.append(
    ...['x', 'y', 'width', 'height'].map((name) => {
      const label = field(`n_${name}`, 'number', { name });
      delete label.dataset.option;
      return label;
    }),
    make('button', '', t('add')),
  );
  const file = field('file', 'file', { accept: 'image/*' });
  file.className = 'u-file';
  options.hidden = true;
  options.append(
    field('size', 'range', { min: 1, max: 60, value: 14 }),
    field('letters', 'text', { maxlength: 40, value: 'foo' }),
    field('scale', 'range', { min: 5, max: 150, value: 60 }),
    file,
    numbers,
  );
  option('file').addEventListener('change', (event) => readStamp(event.target.files[0]));
  onWorkspace(() => {
    const [width, height] = workspace.size;
    const middle = { x: width / 4, y: height / 4, width: width / 2, height: height / 2 };
    for (const [name, value] of Object.entries(middle)) option(name).value = Math.round(value);
  });
}

/** Adds the toolbar above the photo. */
export function mount(onTool, onAction) {
  mountMask();
  const names = [...TOOLS, ...ACTIONS];
  setAttributes(toolbar, { role: 'toolbar', 'aria-label': t('tools') });
  toolbar.append(
    ...names.map((name) => {
      const node = button('', '', () => (TOOLS.includes(name) ? onTool(name) : onAction(name)));
      node.append(icon(PATHS[name]));
      node.dataset.tool = name;
      node.title = t(name);
      node.setAttribute('aria-label', t(name));
      return node;
    }),
  );
  toolButton(ACTIONS[0]).before(make('hr'));
  addOptions();
  rove(toolbar, 'button');
  const tools = make('div', 'u-tools');
  tools.append(toolbar, options);
  $('.u-frame', views.photo).before(tools);
}
