import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boxBetween,
  clamp,
  clock,
  fillIn,
  fitShare,
  group,
  linear,
  listShares,
  lowestTenth,
  nearest,
  percent,
  pixelAt,
  plotArea,
  rate,
  rowsOf,
  strongest,
  wipeEdge,
} from '../../../uapseg/app/static/numbers.js';

test('names in braces are filled in, and one without a value is a dash', () => {
  assert.equal(fillIn('{share} % of {name}', { share: 0, name: 'Car' }), '0 % of Car');
  assert.equal(fillIn('{share} % of {name}', { share: 0 }), '0 % of –');
  assert.equal(fillIn('nothing to fill in'), 'nothing to fill in');
});

test('thousands are set apart by a narrow space', () => {
  assert.equal(group(0), '0');
  assert.equal(group(999.6), '1\u202f000');
  assert.equal(group(1234567), '1\u202f234\u202f567');
});

test('shares are whole per cent, and a dash where there is none', () => {
  assert.equal(percent(0.846), '85');
  assert.equal(percent(0), '0');
  assert.equal(percent(null), '–');
  assert.equal(percent(undefined), '–');
});

test('seconds are minutes and seconds', () => {
  assert.equal(clock(0), '0:00');
  assert.equal(clock(61.9), '1:01');
  assert.equal(clock(600), '10:00');
});

test('a slow rate has a digit after the point', () => {
  assert.equal(rate(9.96), '10.0');
  assert.equal(rate(10.4), '10');
});

test('a value is kept between two others', () => {
  assert.deepEqual(
    [-1, 0.5, 2].map((value) => clamp(value, 0, 1)),
    [0, 0.5, 1],
  );
});

test('the nearest entry is found, the first of two that are as near', () => {
  assert.equal(nearest([0, 64, 128], 70), 64);
  assert.equal(nearest([0, 64], 32), 0);
  assert.equal(nearest([], 32), undefined);
  assert.deepEqual(
    nearest(
      [
        ['a', 3],
        ['b', 1],
      ],
      null,
      ([, distance]) => distance,
    ),
    ['b', 1],
  );
});

test('a picture fills one side of its frame', () => {
  assert.deepEqual(fitShare(2, 1.5), { width: 1, height: 0.75 });
  assert.deepEqual(fitShare(0.75, 1.5), { width: 0.5, height: 1 });
});

test('a place outside the picture is the pixel at its edge', () => {
  assert.deepEqual(pixelAt([0.5, 0.999], 96, 64), [48, 63]);
  assert.deepEqual(pixelAt([-0.1, 1], 96, 64), [0, 63]);
});

test('a box has the same corners whichever was first', () => {
  assert.deepEqual(boxBetween([10.4, 20], [4, 30.6]), [4, 20, 6, 11]);
  assert.deepEqual(boxBetween([4, 30.6], [10.4, 20]), [4, 20, 6, 11]);
});

test('the labels of a chart have their room around it', () => {
  const { left, top, width, height, size } = plotArea(400, 200);
  assert.ok(left > 2 * size && left + width < 400);
  assert.ok(top > 0 && top + height < 200 - size);
  assert.ok(plotArea(400, 100).size < size);
});

test('a linear scale may run downwards', () => {
  const y = linear(0.5, 1, 100, 20);
  assert.deepEqual([0.5, 0.75, 1].map(y), [100, 60, 20]);
});

test('an axis of shares begins at a tenth below all of them', () => {
  assert.equal(lowestTenth([0.86, 0.71]), 0.7);
  assert.equal(lowestTenth([0.98]), 0.9);
  assert.equal(lowestTenth([]), 0.9);
});

test('the labels of the line between before and after stay in the picture', () => {
  assert.deepEqual([0, 0.5, 1].map(wipeEdge), ['start', '', 'end']);
});

test('labels that would touch stand in rows of their own', () => {
  const labels = [0, 30, 45, 100].map((start) => ({ start, length: 40 }));
  assert.deepEqual(rowsOf(labels), [0, 1, 2, 0]);
  assert.deepEqual(rowsOf([]), []);
});

test('classes are listed by their shares, the largest first, with what they were before', () => {
  const names = ['Sky', 'Road', 'Pedestrian', 'Car'];
  const [after, before] = [
    [0.004, 0.32, 0, 0.07],
    [0, 0.32, 0.04, 0.11],
  ];
  assert.equal(
    listShares(names, after, before, 'was {share} %'),
    'Road 32 %, Car 7 %, was 11 %, Pedestrian 0 %, was 4 %',
  );
});

test('the largest of some values that are given row by row has a row and a column', () => {
  assert.deepEqual(strongest([0, 0.1, -1, 0.3, 0.2, 0.1], 3), { value: 0.3, row: 2, column: 1 });
});
