// Label maps as arrays of class numbers, row by row, and what is done to them. Nothing here needs a browser.

/** The number where nothing is drawn. */
export const NOTHING = 255;

/** Gives one class to all connected pixels that are as the pixel at (x, y); four neighbours count. */
export function flood(labels, width, height, [x, y], number) {
  const start = y * width + x;
  const old = labels[start];
  if (old === number) return;
  const open = [start];
  while (open.length) {
    const at = open.pop();
    if (labels[at] !== old) continue;
    labels[at] = number;
    if (at % width) open.push(at - 1);
    if (at % width < width - 1) open.push(at + 1);
    if (at >= width) open.push(at - width);
    if (at < width * (height - 1)) open.push(at + width);
  }
}

/** Exchanges left and right. */
export function mirror(labels, width) {
  for (let row = 0; row < labels.length; row += width) labels.subarray(row, row + width).reverse();
}

/** Draws one class where nothing is drawn, and nothing where something is. */
export function invert(labels, number) {
  labels.forEach((label, at) => {
    labels[at] = label === NOTHING ? number : NOTHING;
  });
}

/** Gives one class to each pixel that is at least half covered; no edge is half-transparent. */
export function rasterize(labels, rgba, number) {
  for (let at = 0; at < labels.length; at++) if (rgba[at * 4 + 3] > 127) labels[at] = number;
}

/** Pixels in the colours of the classes, transparent where nothing is drawn. */
export function toColours(labels, classes) {
  const rgba = new Uint8ClampedArray(labels.length * 4);
  labels.forEach((number, at) => {
    if (number !== NOTHING) rgba.set([...classes[number].rgb, 255], at * 4);
  });
  return rgba;
}

/** Pixels whose red is the class number. */
export function toPixels(labels) {
  const rgba = new Uint8ClampedArray(labels.length * 4);
  labels.forEach((number, at) => {
    if (number !== NOTHING) rgba.set([number, number, number, 255], at * 4);
  });
  return rgba;
}

/** The inverse of `toPixels`. */
export function fromPixels(rgba) {
  return Uint8Array.from({ length: rgba.length / 4 }, (_, at) => (rgba[at * 4 + 3] > 127 ? rgba[at * 4] : NOTHING));
}

/**
 * Makes a picture its own mask: what differs from the majority of its border is opaque, all else transparent. Alpha
 * decides where it varies, else lightness, as in `read_mask` of `uapseg.targets.drawing`.
 */
export function stencil(rgba, width, height) {
  const pixel = (value) => Float32Array.from({ length: width * height }, (_, at) => value(at * 4));
  const alphas = pixel((at) => rgba[at + 3]);
  const varies = alphas.some((alpha) => alpha !== alphas[0]);
  const tones = varies ? alphas : pixel((at) => 0.3 * rgba[at] + 0.59 * rgba[at + 1] + 0.11 * rgba[at + 2]);
  const middle = (tones.reduce((a, b) => Math.min(a, b)) + tones.reduce((a, b) => Math.max(a, b))) / 2;
  const light = Array.from(tones, (tone) => tone > middle);
  const onBorder = (at) => at < width || at >= width * (height - 1) || at % width === 0 || at % width === width - 1;
  const border = light.filter((_, at) => onBorder(at));
  const ground = border.filter(Boolean).length > border.length / 2;
  light.forEach((isLight, at) => {
    rgba[at * 4 + 3] = isLight === ground ? 0 : 255;
  });
}

/** The picture in grey where the class stays, in the colour of the new class where it changes. Changes `rgba`. */
export function markChanges(rgba, before, after) {
  for (let at = 0; at < rgba.length; at += 4) {
    const same = [0, 1, 2].every((channel) => before[at + channel] === after[at + channel]);
    const grey = 40 + (rgba[at] + rgba[at + 1] + rgba[at + 2]) / 6;
    rgba.set(same ? [grey, grey, grey] : after.subarray(at, at + 3), at);
  }
}

const HEAT_STOPS = [
  [13, 8, 40],
  [120, 28, 109],
  [229, 92, 48],
  [252, 255, 164],
];
const HEAT = Array.from({ length: 256 }, (_, value) => {
  const at = (value / 255) * (HEAT_STOPS.length - 1);
  const low = Math.min(HEAT_STOPS.length - 2, Math.floor(at));
  return HEAT_STOPS[low].map((v, channel) => v + (HEAT_STOPS[low + 1][channel] - v) * (at - low));
});

/** Turns grey values, from a guess (0) to certainty (255), into colours from dark to light. Changes `rgba`. */
export function toHeat(rgba) {
  for (let at = 0; at < rgba.length; at += 4) rgba.set(HEAT[rgba[at]], at);
}

/** White where a pixel has another colour than its right or lower neighbour, transparent elsewhere. */
export function outline(rgba, width) {
  const lines = new Uint8ClampedArray(rgba.length);
  const differ = (first, second) =>
    second < rgba.length &&
    (rgba[first] !== rgba[second] || rgba[first + 1] !== rgba[second + 1] || rgba[first + 2] !== rgba[second + 2]);
  for (let at = 0; at < rgba.length; at += 4) {
    const isLast = (at / 4) % width === width - 1;
    if ((!isLast && differ(at, at + 4)) || differ(at, at + 4 * width)) lines.fill(255, at, at + 4);
  }
  return lines;
}

const keyOf = (red, green, blue) => (red << 16) | (green << 8) | blue;

/** The share of pixels of each class in a picture in the colours of the classes. */
export function classShares(rgba, classes) {
  const counts = new Map();
  for (let at = 0; at < rgba.length; at += 4) {
    const key = keyOf(rgba[at], rgba[at + 1], rgba[at + 2]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return classes.map(({ rgb }) => (4 * (counts.get(keyOf(...rgb)) ?? 0)) / rgba.length);
}

/** Darkens all pixels but those of one colour: `shade` of 0 to 255 where the colour is another, transparent elsewhere. */
export function shadeOthers(rgba, [red, green, blue], shade) {
  const shades = new Uint8ClampedArray(rgba.length);
  for (let at = 0; at < rgba.length; at += 4) {
    const isOther = rgba[at] !== red || rgba[at + 1] !== green || rgba[at + 2] !== blue;
    if (isOther) shades[at + 3] = shade;
  }
  return shades;
}
