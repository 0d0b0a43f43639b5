// The drawn target: the class of each pixel at the network's own resolution. What is shown is what is sent.
import { loadImage, make, onWorkspace, workspace } from './context.js';
import * as labelMap from './label-map.js';

const MOST_UNDONE = 30;

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
  if (mask.undone.length > MOST_UNDONE) mask.undone.shift();
}

function exchange(from, to) {
  const other = from.pop();
  if (!other) return false;
  to.push(mask.labels);
  mask.labels = other;
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

export function mount() {
  onWorkspace(() => {
    const [width, height] = workspace.size;
    const labels = new Uint8Array(width * height).fill(labelMap.NOTHING);
    Object.assign(mask, { width, height, labels, undone: [], redone: [] });
    for (const canvas of [maskLayer, scratch.canvas]) Object.assign(canvas, { width, height });
  });
}
