// What is viewed where it is not simply the newest frame: an earlier point of the timeline, another strength.

import {
  $,
  button,
  camera,
  emit,
  facts,
  frameOptions,
  gallery,
  gradio,
  history,
  images,
  isLive,
  listen,
  loadImage,
  make,
  metrics,
  pause,
  poll,
  positionIn,
  request,
  root,
  setAttributes,
  t,
} from './context.js';
import { showGallery } from './gallery.js';
import { currentChart, drawChart, mountCharts, pointAt, showHeading, showMetrics, strengthAt } from './metrics.js';
import { clamp, group } from './numbers.js';
import { redraw, showFrame, views } from './views.js';

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -99, End: 99 };
const MAX_STRENGTH = 1.5;
const RETRY_MS = 120;
const LOST_MS = 1500;
const MAX_TRIES = 20;
const timeline = $('.u-timeline');
const pointTime = make('span');
const strength = make('label', 'u-strength');
const slider = make('input');
const output = make('output', '', '100 %');
const defences = make('select', 'u-defence');

// ---- requests: one at a time, and of those made meanwhile only the last

async function ask() {
  poll.frame = -1;
  if (camera.stream || !poll.token) return; // the next shot takes it up
  history.again = true;
  showExpected();
  if (history.busy) return;
  history.busy = true;
  try {
    while (history.again) {
      history.again = false;
      if (isLive()) showNewest();
      else await showOther().catch(retryLater);
    }
  } finally {
    history.busy = false;
  }
}

/** Shows the known part of what is requested at once, and that the rest is being measured. */
function showExpected() {
  const [, scores] = metrics.curve.find(([gradients]) => gradients === history.point) || [];
  const expected =
    history.strength === 1 && !history.defence && scores
      ? { scores, measuredAt: history.point }
      : { scores: null, measuredAt: null };
  metrics.viewed = isLive() ? null : { ...metrics.viewed, ...expected };
  showMetrics();
}

function showNewest() {
  images.target = metrics.heading.target;
  Object.assign(gallery, gallery.live);
  showHeading();
  showGallery();
  emit('poll');
}

/** Asks for the frame of another history point or strength, and when the hand rests for its figures, which take longer. */
async function showOther() {
  const { point, strength, defence } = history;
  const reply = await request('frame', { token: poll.token, history_point: point, ...frameOptions() });
  if (isLive() || camera.stream) return;
  if (!reply.after) {
    await retry();
    return;
  }
  await showFrame(reply);
  Object.assign(history, { shownPoint: point, shownStrength: strength });
  redraw();
  showMetrics();
  if (history.again) return;
  const measured = await request('measure', { token: poll.token, history_point: point, strength, defence });
  if (history.again || isLive()) return;
  if (measured.scores) await showMeasured(measured);
  else await retry();
}

async function showMeasured({ thumbs, each, heading, measured_at: measuredAt, ...figures }) {
  metrics.viewed = { ...figures, measuredAt, heading };
  images.target = heading?.target ? await loadImage(heading.target) : metrics.heading.target;
  Object.assign(gallery, { each, thumbs });
  showHeading();
  showGallery();
  showMetrics();
  redraw();
}

/** Requests again after a while: the connection was lost. */
async function retryLater(error) {
  console.warn(error);
  await pause(LOST_MS);
  history.again = root.isConnected && !isLive();
}

/** Requests again: the server was busy with another request of this visitor. */
async function retry() {
  await pause(RETRY_MS);
  history.again = ['paused', 'done', 'running'].includes(poll.status);
}

// ---- the strength

export function setStrength(share) {
  history.strength = share;
  slider.value = share * 100;
  output.textContent = `${Math.round(share * 100)} %`;
  drawChart();
  ask();
}

/** Asks what each strength reaches; once for each perturbation, when its chart is opened. */
export async function askStrengths() {
  if (!metrics.scores) return;
  const { point } = history;
  let reply = {};
  for (let tries = 0; tries < MAX_TRIES && !reply.rows && point === history.point; tries++) {
    if (tries) await pause(RETRY_MS); // the server was busy with another request of this visitor
    reply = await request('strengths', { token: poll.token, history_point: point }).catch(() => ({}));
  }
  if (reply.rows && point === history.point) metrics.strengths = reply.rows;
  drawChart();
}

// ---- what is put before the network

export function setDefence(name) {
  history.defence = defences.value = name;
  poll.ownVersion = -1;
  ask();
  if (gallery.tab === 'own') emit('poll');
}

/** Back to the newest frame, at full strength and without a defence. */
export function setLive() {
  if (history.point != null) setPoint(null);
  if (history.defence) setDefence('');
  if (history.strength !== 1) setStrength(1);
}

function addStrength() {
  setAttributes(slider, { type: 'range', min: 0, max: MAX_STRENGTH * 100, step: 5, value: 100 });
  strength.append(make('span', '', t('strength')), slider, output);
  $('.u-progress').prepend(strength);
  slider.addEventListener('input', () => setStrength(slider.value / 100));
}

// ---- what is put before the network

function addDefences() {
  defences.setAttribute('aria-label', t('defence'));
  defences.append(new Option(t('no_defence'), ''), ...facts.defences.map((name) => new Option(name)));
  defences.addEventListener('change', () => setDefence(defences.value));
  $('.u-mode', views.prediction).after(defences);
}

// ---- the timeline: point, drag, or use the arrow keys

function setPoint(point) {
  if (point === history.point || point === undefined) return;
  history.point = point;
  metrics.strengths = null; // those of another point
  showTimeline();
  ask();
  if (currentChart() === 'strength') askStrengths();
}

export function showTimeline() {
  const { historyPoints } = metrics;
  if (history.point != null && !historyPoints.includes(history.point)) {
    history.point = null; // it is gone, as another run is shown
    ask();
  }
  const at = history.point ?? historyPoints.at(-1) ?? 0;
  const label = history.point == null ? t('now') : t('at_point', { gradients: group(at) });
  timeline.tabIndex = historyPoints.length > 1 ? 0 : -1;
  setAttributes(timeline, {
    'aria-valuemin': 0,
    'aria-valuemax': Math.max(0, historyPoints.length - 1),
    'aria-valuenow': Math.max(0, historyPoints.indexOf(at)),
    'aria-valuetext': label,
  });
  pointTime.textContent = label;
  $('.u-plot').toggleAttribute('data-then', history.point != null);
  drawChart();
}

function scrub(event) {
  const box = timeline.getBoundingClientRect();
  const [x, y] = positionIn(event, timeline);
  const place = [x * box.width, y * box.height];
  if (currentChart() === 'strength') setStrength(strengthAt(place));
  else setPoint(pointAt(place) ?? undefined);
}

function onKey(event) {
  const by = STEPS[event.key];
  if (event.key === 'Escape' && history.point != null) setPoint(null);
  const { historyPoints } = metrics;
  if (!by || historyPoints.length < 2) return;
  event.preventDefault();
  if (currentChart() === 'strength') {
    setStrength(clamp(history.strength + by * 0.05, 0, MAX_STRENGTH));
    return;
  }
  const last = historyPoints.length - 1;
  const at = history.point == null ? last : historyPoints.indexOf(history.point);
  setPoint(at + by > last ? null : historyPoints[clamp(at + by, 0, last)]);
}

function addTimeline() {
  const rewind = button('', t('back_to'), () => {
    gradio.trigger('rewind', { image_gradients: history.point });
    setStrength(1);
    setPoint(null);
  });
  const live = button('', t('live'), () => setPoint(null));
  $('.u-then').append(pointTime, rewind, live);
  timeline.setAttribute('aria-label', t('timeline'));
  let scrubbing = false;
  timeline.addEventListener('pointerdown', (event) => {
    if (metrics.historyPoints.length < 2) return;
    scrubbing = true;
    timeline.setPointerCapture(event.pointerId);
    scrub(event);
  });
  timeline.addEventListener('pointermove', (event) => {
    if (scrubbing) scrub(event);
  });
  for (const over of ['pointerup', 'pointercancel']) {
    timeline.addEventListener(over, () => {
      scrubbing = false;
    });
  }
  timeline.addEventListener('keydown', onKey);
}

export function mount() {
  addStrength();
  addDefences();
  addTimeline();
  mountCharts((name) => {
    if (name === 'strength') askStrengths();
  });
  listen('frame', ask);
  listen('begin', setLive);
}
