import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classShares,
  flood,
  fromPixels,
  invert,
  markChanges,
  mirror,
  NOTHING,
  outline,
  rasterize,
  shadeOthers,
  stencil,
  toColours,
  toHeat,
  toPixels,
} from '../../../uapseg/app/static/label-map.js';

const WIDTH = 7;
const HEIGHT = 5;

/** A label map from rows of digits; a dot is nothing. */
function labelsOf(...rows) {
  return Uint8Array.from(rows.join(''), (sign) => (sign === '.' ? NOTHING : Number(sign)));
}

/** A random generator with a seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('a fill stops at other classes and at the edges of the picture', () => {
  const labels = labelsOf('..1..', '..1..', '11111', '.....');
  flood(labels, 5, 4, [0, 0], 3);
  assert.deepEqual(labels, labelsOf('331..', '331..', '11111', '.....'));
  flood(labels, 5, 4, [4, 3], 1);
  assert.deepEqual(labels, labelsOf('331..', '331..', '11111', '11111'));
  flood(labels, 5, 4, [0, 0], 3); // it is so already
  assert.deepEqual(labels, labelsOf('331..', '331..', '11111', '11111'));
});

/** The same fill, by spreading until nothing changes. */
function spread(labels, width, [x, y]) {
  const old = labels[y * width + x];
  const reached = new Set([y * width + x]);
  for (let before = 0; before !== reached.size; ) {
    before = reached.size;
    for (const at of [...reached]) {
      const neighbours = [at - width, at + width];
      if (at % width) neighbours.push(at - 1);
      if (at % width < width - 1) neighbours.push(at + 1);
      for (const next of neighbours) if (labels[next] === old) reached.add(next);
    }
  }
  return reached;
}

test('a fill reaches what spreading reaches, in random maps', () => {
  const next = random(1);
  for (let round = 0; round < 200; round++) {
    const labels = Uint8Array.from({ length: WIDTH * HEIGHT }, () => Math.floor(next() * 2));
    const place = [Math.floor(next() * WIDTH), Math.floor(next() * HEIGHT)];
    const expected = labels.slice();
    for (const at of spread(labels, WIDTH, place)) expected[at] = 9;
    flood(labels, WIDTH, HEIGHT, place, 9);
    assert.deepEqual(labels, expected);
  }
});

test('left and right change places, and twice is as before', () => {
  const labels = labelsOf('12.', '..3');
  mirror(labels, 3);
  assert.deepEqual(labels, labelsOf('.21', '3..'));
  mirror(labels, 3);
  assert.deepEqual(labels, labelsOf('12.', '..3'));
});

test('what was nothing is drawn, and what was drawn is nothing', () => {
  const labels = labelsOf('12.', '...');
  invert(labels, 5);
  assert.deepEqual(labels, labelsOf('..5', '555'));
});

test('a pixel is drawn where at least half of it is covered', () => {
  const labels = labelsOf('...');
  rasterize(labels, [0, 0, 0, 127, 0, 0, 0, 128, 0, 0, 0, 255], 2);
  assert.deepEqual(labels, labelsOf('.22'));
});

test('pixels and back are the same drawing', () => {
  const next = random(2);
  const labels = Uint8Array.from({ length: 100 }, () => (next() < 0.3 ? NOTHING : Math.floor(next() * 150)));
  assert.deepEqual(fromPixels(toPixels(labels)), labels);
});

test('classes are shown in their colours, and nothing is transparent', () => {
  const classes = [{ rgb: [1, 2, 3] }, { rgb: [250, 0, 9] }];
  assert.deepEqual([...toColours(labelsOf('1.0'), classes)], [250, 0, 9, 255, 0, 0, 0, 0, 1, 2, 3, 255]);
});

/** A picture of 5 x 3 pixels with a bar in the middle. */
function bar(ground, ink) {
  const rgba = new Uint8ClampedArray(5 * 3 * 4);
  for (let at = 0; at < 15; at++) rgba.set([6, 7, 8].includes(at) ? ink : ground, at * 4);
  return rgba;
}

const opaque = (rgba) => [...fromPixels(rgba).keys()].filter((at) => rgba[at * 4 + 3] === 255);

test('of an uploaded mask the region is what differs from its border', () => {
  const [dark, light, clear] = [
    [0, 0, 0, 255],
    [255, 255, 255, 255],
    [0, 0, 0, 0],
  ];
  for (const [ground, ink] of [
    [light, dark],
    [dark, light],
    [clear, dark],
    [dark, clear],
  ]) {
    const rgba = bar(ground, ink);
    stencil(rgba, 5, 3);
    assert.deepEqual(opaque(rgba), [6, 7, 8]);
  }
});

test('a mask of one colour has no region', () => {
  const rgba = bar([9, 9, 9, 255], [9, 9, 9, 255]);
  stencil(rgba, 5, 3);
  assert.deepEqual(opaque(rgba), []);
});

test('what changed is in colour, what did not is grey', () => {
  const rgba = Uint8ClampedArray.from([90, 120, 30, 255, 90, 120, 30, 255]);
  const before = Uint8ClampedArray.from([1, 2, 3, 255, 1, 2, 3, 255]);
  const after = Uint8ClampedArray.from([1, 2, 3, 255, 9, 8, 7, 255]);
  markChanges(rgba, before, after);
  assert.deepEqual([...rgba], [80, 80, 80, 255, 9, 8, 7, 255]);
});

test('confidence goes from dark to light', () => {
  const rgba = Uint8ClampedArray.from([0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255]);
  toHeat(rgba);
  const sums = [0, 4, 8].map((at) => rgba[at] + rgba[at + 1] + rgba[at + 2]);
  assert.deepEqual(
    sums,
    [...sums].sort((a, b) => a - b),
  );
  assert.deepEqual([...rgba.slice(8)], [252, 255, 164, 255]);
});

test('a line runs where neighbours differ, and not around the picture', () => {
  const rgba = toColours(labelsOf('001', '001'), [{ rgb: [9, 9, 9] }, { rgb: [9, 9, 8] }]);
  const drawn = [...outline(rgba, 3)].filter((_, at) => at % 4 === 3);
  assert.deepEqual(drawn, [0, 255, 0, 0, 255, 0]);
});

test('the share of each class is counted by its colour, and all but one class are shaded', () => {
  const classes = [{ rgb: [1, 2, 3] }, { rgb: [3, 2, 1] }, { rgb: [9, 9, 9] }];
  const rgba = Uint8ClampedArray.from([1, 2, 3, 255, 3, 2, 1, 255, 1, 2, 3, 255, 0, 0, 0, 255]);
  assert.deepEqual(classShares(rgba, classes), [0.5, 0.25, 0]);
  assert.deepEqual(
    [...shadeOthers(rgba, [3, 2, 1], 90)].filter((_, at) => at % 4 === 3),
    [90, 0, 90, 90],
  );
});
