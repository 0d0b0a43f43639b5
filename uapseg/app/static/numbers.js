// How numbers are written, and where they lie on pictures, charts and the timeline. Nothing here needs a browser.

/** A text whose names in braces are filled in; a name without a value becomes a dash. */
export function fillIn(template, values = {}) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '–');
}

/** A whole number with a narrow space between thousands. */
export function group(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A share from 0 to 1 in whole per cent, or a dash where there is none. */
export function percent(share) {
  return share == null ? '–' : String(Math.round(share * 100));
}

/** Seconds as minutes and seconds. */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}

/** Images a second: one digit after the point where they are few. */
export function rate(perSecond) {
  return perSecond.toFixed(perSecond < 10 ? 1 : 0);
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The entry of a list that is nearest to a value, by a distance between the two. */
export function nearest(entries, value, distance = (entry, goal) => Math.abs(entry - goal)) {
  return entries.reduce(
    (closest, entry) => (distance(entry, value) < distance(closest, value) ? entry : closest),
    entries[0],
  );
}

/** The shares of a frame's width and height that a picture fitted into it takes, from both aspect ratios. */
export function fitShare(ratio, frameRatio) {
  return { width: Math.min(1, ratio / frameRatio), height: Math.min(1, frameRatio / ratio) };
}

/** The pixel of a picture that a place lies in, given in shares of its sides. */
export function pixelAt([x, y], width, height) {
  return [clamp(Math.floor(x * width), 0, width - 1), clamp(Math.floor(y * height), 0, height - 1)];
}

/** Left, top, width and height of the box between two corners, in whole pixels. */
export function boxBetween(from, to) {
  const [left, top] = [0, 1].map((axis) => Math.round(Math.min(from[axis], to[axis])));
  return [left, top, Math.round(Math.max(from[0], to[0])) - left, Math.round(Math.max(from[1], to[1])) - top];
}

/** The area of a chart inside its labels, and the size of their letters, all in CSS pixels. */
export function plotArea(width, height) {
  const size = height > 190 ? 14 : 12;
  const [left, right, top, bottom] = [3.6, 1.2, 0.9, 1.9].map((share) => share * size);
  return { size, left, top, width: width - left - right, height: height - top - bottom };
}

/** A linear scale: from values between `low` and `high` to positions between `start` and `end`. */
export function linear(low, high, start, end) {
  return (value) => start + ((end - start) * (value - low)) / (high - low);
}

/** The lower end of an axis of shares that is to show all of them: a tenth, at most 0.9. */
export function lowestTenth(shares) {
  return Math.floor(Math.min(0.9, ...shares) * 10) / 10;
}

/** The edge that the line between before and after is close to, so that its labels stay in the picture. */
export function wipeEdge(share) {
  if (share < 0.14) return 'start';
  return share > 0.86 ? 'end' : '';
}

/** The row of each label, so that those in a row do not touch; labels have a `start` and a `length`. */
export function rowsOf(labels, gap = 8) {
  const rows = [];
  return labels.map((label) => {
    const touches = (other) =>
      label.start < other.start + other.length + gap && other.start < label.start + label.length + gap;
    const freeRow = rows.findIndex((row) => !row.some(touches));
    const number = freeRow < 0 ? rows.length : freeRow;
    rows[number] = [...(rows[number] ?? []), label];
    return number;
  });
}

/** The largest of values in row order, with its row and its column, counted from 1. */
export function strongest(values, columns) {
  const value = Math.max(...values);
  const at = values.indexOf(value);
  return { value, row: Math.floor(at / columns) + 1, column: (at % columns) + 1 };
}

/**
 * Classes with their shares, the largest first: "Road 32 %, Pedestrian 0 %, was 4 %". Classes below half a per cent
 * before and after are left out.
 *
 * @param {string[]} names
 * @param {number[]} after The share of each, from 0 to 1.
 * @param {number[]} before The same before the perturbation.
 * @param {string} template The text of an earlier share, with `{share}` in it.
 */
export function listShares(names, after, before, template) {
  const rows = names.map((name, number) => ({ name, now: percent(after[number]), old: percent(before[number]) }));
  const visibleRows = rows.filter(({ now, old }) => now !== '0' || old !== '0');
  visibleRows.sort((first, second) => Math.max(second.now, second.old) - Math.max(first.now, first.old));
  return visibleRows
    .map(({ name, now, old }) => `${name} ${now} %${now === old ? '' : `, ${fillIn(template, { share: old })}`}`)
    .join(', ');
}
