// The figures: scores above the pictures, the sentences about them, and three charts on one canvas.

import { rove } from './accessibility.js';
import { setCaption } from './caption.js';
import { $, $$, button, history, make, metrics, poll, root, setText, t, workspace } from './context.js';
import { group, linear, lowestTenth, nearest, percent, plotArea, rowsOf } from './numbers.js';
import { setHint, setTitle } from './views.js';

const FIGURE = `<p><b>–</b><small>%</small></p><div class="u-what"></div><div class="u-meter"><i></i><s></s></div>
  <div class="u-baselines"></div>`;

/** The shown figures: the newest ones, or those of the viewed history point or strength. */
const current = () => ({ ...metrics, ...metrics.viewed });

/** Sets the caption of a run and its shares: rows of (key, label, short label). */
export function showHeading() {
  const { caption, shares, amplified, epsilon, asked, avoided } = metrics.viewed?.heading ?? metrics.heading;
  if (asked == null) setCaption(caption || '');
  else setCaption(caption || '', epsilon, asked);
  if (shares) setShares(shares);
  setHint('perturbation', amplified ? `× ${amplified}` : '');
  setTitle('target', t(avoided ? 'avoided' : 'target'));
}

export function setShares(shares) {
  if (JSON.stringify(shares) === JSON.stringify(metrics.shares)) return;
  metrics.shares = shares;
  const names = shares.map(([, , short], number) => make('span', number ? 'u-second' : 'u-accent', short));
  $('.u-plot .u-names').replaceChildren(...names, make('span', 'u-axes', t('trade_axes')), intervalName());
  $('.u-figures').replaceChildren(...shares.map(figure));
  offerTrade(tradedScores().every((key) => shares.some(([name]) => name === key)));
}

function figure([key, label], number) {
  const node = make('div', number ? 'u-figure' : 'u-figure u-first');
  node.dataset.key = key;
  node.innerHTML = FIGURE;
  $('.u-what', node).textContent = label;
  return node;
}

function intervalName() {
  const name = make('span', 'u-interval', t('interval'));
  name.title = t('interval_hint');
  name.hidden = true;
  return name;
}

function fillFigure(node) {
  const { key } = node.dataset;
  const { scores, baselines } = current();
  const share = scores?.[key];
  const [random, clean] = ['random_noise', 'clean'].map((name) => baselines[name]?.[key]);
  const counted = root.hasAttribute('data-count') && node.matches('.u-first') && !metrics.viewed && metrics.groups;
  $('b', node).textContent = counted ? counted[0] : percent(share);
  $('small', node).textContent = counted ? t('of', { whole: counted[1] }) : '%';
  $('p', node).toggleAttribute('data-none', share == null);
  $('i', node).style.width = `${(share || 0) * 100}%`;
  $('s', node).style.left = `${(random || 0) * 100}%`;
  $('s', node).hidden = random == null;
  const shares = { noise: percent(random), clean: percent(clean) };
  $('.u-baselines', node).textContent = random == null ? '\u00a0' : t('baselines', shares);
}

function measuredText() {
  const pictures = current().pictures || workspace.pictures;
  const values = {
    count: t(pictures === 1 ? 'picture' : 'pictures', { pictures }),
    gradients: group(current().measuredAt || 0),
    total: group(poll.imageGradients),
  };
  const isResting = ['paused', 'done'].includes(poll.status);
  // Of an opened file nothing was chosen here
  if (isResting && !metrics.viewed && metrics.measuredAt && metrics.historyPoints.length > 1)
    return t('chosen', values);
  return values.count + (current().measuredAt ? t('at', values) : '');
}

/** That a defence is put before the network, in words. */
export const defended = () => history.defence && t('defended', { defence: history.defence });

/** What is viewed instead of the newest figures, in words. */
function viewedText() {
  if (!metrics.viewed) return '';
  return [
    history.point == null ? '' : t('at_point', { gradients: group(history.point) }),
    history.strength === 1 ? '' : t('at_strength', { strength: percent(history.strength) }),
    defended(),
  ]
    .filter(Boolean)
    .join(', ');
}

export function showMetrics() {
  for (const node of $$('.u-figure')) fillFigure(node);
  const { scores } = current();
  const isMeasuring = !scores && (Boolean(metrics.viewed) || poll.status === 'running');
  root.toggleAttribute('data-measuring', isMeasuring);
  setText('plain', isMeasuring ? t('measuring') : viewedText() || metrics.plain);
  setText('pictures', measuredText());
  const { success, here } = metrics;
  const inPicture = [t('in_picture', { share: percent(success), here }), defended()].filter(Boolean).join(', ');
  setHint('prediction', success == null ? t('point') : inPicture);
  drawChart();
}

/** Success and what it costs: the two scores of the trade-off, for a target that keeps other objects. */
export const tradedScores = () => [metrics.shares[0]?.[0], 'kept_objects'];

const MAX_STRENGTH = 1.5;
const POINT = 2.5;
const NEWEST = 5;
const DRAWN = { success: drawSuccess, strength: drawStrengths, trade: drawTrade };
const plot = $('.u-plot canvas');
const tabs = Object.fromEntries(
  Object.keys(DRAWN).map((name) => [name, button('', t(`c_${name}`), () => showChart(name))]),
);
let chartName = 'success';
let onChart = () => {};

/** What is drawn on, and where: the pen, the area inside the labels, and the scales of both axes. */
const chart = { pen: null, size: 12, left: 0, top: 0, width: 0, height: 0, x: null, y: null };

const colourOf = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const lastPosition = () => Math.max(metrics.total, ...metrics.curve.map(([gradients]) => gradients), 1);

export const currentChart = () => chartName;

export function showChart(name) {
  chartName = name;
  $('.u-plot').dataset.chart = name;
  plot.setAttribute('aria-label', t(`d_${name}`));
  for (const [key, each] of Object.entries(tabs)) each.setAttribute('aria-selected', key === name);
  drawChart();
  onChart(name);
}

/** Offers the trade-off where both of its scores are there. */
export function offerTrade(isOffered) {
  tabs.trade.hidden = !isOffered;
  if (!isOffered && chartName === 'trade') showChart('success');
}

export function drawChart() {
  const box = plot.getBoundingClientRect();
  if (!box.width || !metrics.shares.length) return;
  const scale = devicePixelRatio || 1;
  Object.assign(plot, { width: box.width * scale, height: box.height * scale });
  const pen = plot.getContext('2d');
  pen.scale(scale, scale);
  Object.assign(chart, plotArea(box.width, box.height), { pen });
  pen.font = `${chart.size}px ${colourOf('--font') || 'sans-serif'}`;
  setScales([0, lastPosition()], [0, 1]);
  DRAWN[chartName]();
}

function setScales([first, last], [low, high]) {
  const { left, top, width, height } = chart;
  chart.x = linear(first, last, left, left + width);
  chart.y = linear(low, high, top + height, top);
}

// ---- the three charts

function drawSuccess() {
  const [first, ...otherKeys] = metrics.shares.map(([key]) => key);
  drawGrid([0, 0.5, 1].map((share) => group(lastPosition() * share)));
  drawIntervals();
  drawBaseline('random_noise', 'random', first);
  drawBaseline('clean', 'clean', first);
  otherKeys.forEach((key, number) => {
    drawCurve(metrics.curve, key, colourOf('--u-second'), 1.5, number ? [2, 4] : []);
  });
  drawCurve(metrics.curve, first, colourOf('--u-accent'), 2.5);
  drawChanges();
  if (history.point != null) drawUpright(history.point, colourOf('--u-ink'));
}

function drawStrengths() {
  setScales([0, MAX_STRENGTH], [0, 1]);
  drawGrid(['0', '75', '150 %']);
  metrics.shares.forEach(([key], number) => {
    const [colour, thickness] = number ? ['--u-second', 1.5] : ['--u-accent', 2.5];
    drawCurve(metrics.strengths || [], key, colourOf(colour), thickness, number > 1 ? [2, 4] : []);
  });
  drawUpright(history.strength, colourOf('--u-ink'));
}

const traded = (scores) =>
  scores && tradedScores().every((key) => scores[key] != null) ? tradedScores().map((key) => scores[key]) : null;
const tradedCurve = () =>
  metrics.curve.map(([gradients, scores]) => [gradients, traded(scores)]).filter(([, point]) => point);

function drawTrade() {
  const rows = tradedCurve();
  const random = traded(metrics.baselines.random_noise);
  const points = rows.map(([, point]) => point);
  const low = lowestTenth([...points, ...(random ? [random] : [])].map(([, kept]) => kept));
  setScales([0, 1], [low, 1]);
  drawGrid(['0', '50', t('trade_end')], [low, (1 + low) / 2, 1]);
  chart.pen.strokeStyle = colourOf('--u-second');
  drawLine(points.map(([hidden, kept]) => [chart.x(hidden), chart.y(kept)]));
  if (random) drawPoint(random, '--u-dim', NEWEST - 1, { hollow: true, label: t('random') });
  for (const point of points) drawPoint(point, '--u-second', POINT);
  if (points.length) drawPoint(points.at(-1), '--u-accent', NEWEST);
  const viewed = rows.find(([gradients]) => gradients === history.point);
  if (viewed) drawPoint(viewed[1], '--u-ink', NEWEST + 3, { hollow: true });
}

// ---- what they are made of

function drawGrid(labels, levels = [0, 0.5, 1]) {
  const { pen, left, top, width, height, size, y } = chart;
  pen.strokeStyle = colourOf('--u-line');
  pen.fillStyle = colourOf('--u-dim');
  pen.lineWidth = 1;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (const share of levels) {
    const at = Math.round(y(share)) + 0.5;
    drawLine([
      [left, at],
      [left + width, at],
    ]);
    pen.fillText(Math.round(share * 100) + (share === 1 ? ' %' : ''), left - 8, at);
  }
  pen.textBaseline = 'alphabetic';
  labels.forEach((label, number) => {
    pen.textAlign = ['left', 'center', 'right'][number];
    pen.fillText(label, left + (width * number) / 2, top + height + size * 1.5);
  });
}

function drawLine(points, dashes = []) {
  const { pen } = chart;
  pen.setLineDash(dashes);
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
  pen.setLineDash([]);
}

function drawBaseline(name, label, key) {
  const share = metrics.baselines[name]?.[key];
  if (share == null) return;
  const { pen, left, width, size } = chart;
  const at = chart.y(share);
  const isClean = name === 'clean';
  pen.strokeStyle = pen.fillStyle = colourOf('--u-dim');
  drawLine(
    [
      [left, at],
      [left + width, at],
    ],
    isClean ? [1, 4] : [4, 4],
  );
  const other = metrics.baselines.random_noise?.[key] ?? 9;
  if (isClean && Math.abs(share - other) < 0.12) return; // one label for both
  pen.textAlign = isClean ? 'left' : 'right';
  pen.fillText(t(label), isClean ? left + 6 : left + width, at < 30 ? at + size * 1.1 : at - 5);
}

function drawIntervals() {
  const { pen, x, y } = chart;
  const name = $('.u-interval');
  const colour = metrics.intervalScore === metrics.shares[0][0] ? '--u-accent' : '--u-second';
  name.hidden = metrics.intervals.length < 2;
  name.style.setProperty('--u-interval', `var(${colour})`);
  if (name.hidden) return;
  pen.fillStyle = colourOf(colour);
  pen.globalAlpha = 0.18;
  pen.beginPath();
  for (const [gradients, , high] of metrics.intervals) pen.lineTo(x(gradients), y(high));
  for (const [gradients, low] of [...metrics.intervals].reverse()) pen.lineTo(x(gradients), y(low));
  pen.fill();
  pen.globalAlpha = 1;
}

/** Draws one score over rows of (position, scores), with a dot at the newest. */
function drawCurve(all, key, stroke, thickness, dashes = []) {
  const { pen, x, y } = chart;
  const rows = all.filter(([, scores]) => scores[key] != null);
  if (!rows.length) return;
  pen.strokeStyle = pen.fillStyle = stroke;
  pen.lineWidth = thickness;
  pen.lineJoin = pen.lineCap = 'round';
  drawLine(
    rows.map(([at, scores]) => [x(at), y(scores[key])]),
    dashes,
  );
  const [at, scores] = rows.at(-1);
  pen.beginPath();
  pen.arc(x(at), y(scores[key]), thickness + 0.8, 0, 7);
  pen.fill();
}

function drawUpright(position, stroke, dashes = []) {
  const { pen, x, top, height } = chart;
  pen.strokeStyle = stroke;
  pen.lineWidth = 1.5;
  const at = x(position);
  drawLine(
    [
      [at, top - 4],
      [at, top + height],
    ],
    dashes,
  );
}

/** Draws where settings were changed during the run; labels that would overlap stand in rows of their own. */
function drawChanges() {
  const { pen, x, top, size, left, width } = chart;
  const labels = metrics.changes.map(([gradients, label]) => {
    const length = pen.measureText(label).width;
    return { label, start: x(gradients) + (x(gradients) > left + width * 0.75 ? -length - 5 : 5), length };
  });
  const rows = rowsOf(labels);
  pen.textAlign = 'left';
  labels.forEach(({ label, start }, number) => {
    drawUpright(metrics.changes[number][0], colourOf('--u-dim'), [2, 3]);
    pen.fillStyle = colourOf('--u-dim');
    pen.fillText(label, start, top + size * (0.5 + 1.15 * rows[number]));
  });
}

function drawPoint([hidden, kept], colour, radius, { hollow = false, label = '' } = {}) {
  const { pen, x, y, size } = chart;
  pen.strokeStyle = pen.fillStyle = colourOf(colour);
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x(hidden), y(kept), radius, 0, 7);
  pen[hollow ? 'stroke' : 'fill']();
  const isLate = hidden > 0.75;
  pen.textAlign = isLate ? 'right' : 'left';
  pen.fillText(label, x(hidden) + (isLate ? -1 : 1) * (radius + 5), y(kept) + size * 1.2);
}

// ---- what a place on the chart stands for

/** The share of the run, or of the strengths, at a place in pixels from the left of the canvas. */
const shareAt = (x) => Math.min(1, Math.max(0, (x - chart.left) / chart.width));

export const strengthAt = ([x]) => Math.round(shareAt(x) * MAX_STRENGTH * 20) / 20;

/** The history point that is nearest to a place, in pixels from the top left of the canvas. */
export function pointAt([x, y]) {
  if (chartName !== 'trade') return nearest(metrics.historyPoints, shareAt(x) * lastPosition());
  const rows = tradedCurve().filter(([gradients]) => metrics.historyPoints.includes(gradients));
  const distance = ([, [hidden, kept]]) => Math.hypot(chart.x(hidden) - x, chart.y(kept) - y);
  return rows.length ? nearest(rows, null, distance)[0] : null;
}

/** Adds the tabs; `onShown` is called with each chart that is chosen. */
export function mountCharts(onShown) {
  const list = $('.u-charts');
  list.setAttribute('role', 'tablist');
  for (const tab of Object.values(tabs)) tab.setAttribute('role', 'tab');
  list.append(...Object.values(tabs));
  rove(list, 'button', true);
  showChart('success');
  onChart = onShown;
  new ResizeObserver(drawChart).observe(plot);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTimeout(drawChart, 50));
}
