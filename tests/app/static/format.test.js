import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, fillIn, group, percent, rate } from '../../../uapseg/app/static/format.js';

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
