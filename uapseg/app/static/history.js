// What is looked at when it is not simply the newest frame: an earlier moment on the timeline, another strength.

import { currentChart, drawChart, momentAt, mount as mountCharts, strengthAt } from './charts.js';
import { $, button, emit, gradio, listen, make, positionIn, request, setAttributes, t } from './context.js';
import { group } from './format.js';
import { showGallery } from './gallery.js';
import { clamp } from './geometry.js';
import { showMetrics } from './metrics.js';
import { camera, frameOptions, gallery, history, isLive, metrics, poll } from './state.js';
import { redraw, showFrame } from './views.js';

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -99, End: 99 };
const MOST_STRENGTH = 1.5;
const timeline = $('.u-timeline');
const then = make('span');
const strength = make('label', 'u-strength');
const slider = make('input');
const output = make('output', '', '100 %');

// ---- asking: one question at a time, and of those in between only the last

async function ask() {
  poll.frame = -1;
  if (camera.stream || !poll.token) return; // the next shot takes it up
  if (isLive()) {
    Object.assign(gallery, gallery.live);
    showGallery();
    emit('poll');
    return;
  }
  if (history.busy) {
    history.again = true;
    return;
  }
  history.busy = true;
  try {
    do {
      history.again = false;
      await askOnce();
    } while (history.again && !isLive());
    await askGallery();
  } catch (error) {
    console.warn(error);
  } finally {
    history.busy = false;
  }
}

async function askOnce() {
  const { moment } = history;
  const reply = await request('look', { token: poll.token, moment, ...frameOptions() });
  if (!reply.after || isLive()) return;
  await showFrame(reply);
  history.shownMoment = moment;
  showMetrics();
  redraw();
}

/** Asks for the held-out pictures, which are six times the work of one: they follow when the hand rests. */
async function askGallery() {
  if (isLive() || gallery.tab !== 'strip') return;
  const reply = await request('strip', { token: poll.token, moment: history.moment, strength: history.strength });
  if (!reply.each || isLive() || history.again) return;
  Object.assign(gallery, { each: reply.each, thumbs: reply.thumbs });
  showGallery();
}

// ---- the strength

export function setStrength(share) {
  history.strength = share;
  slider.value = share * 100;
  output.textContent = `${Math.round(share * 100)} %`;
  drawChart();
  ask();
}

/** Asks what each strength reaches; once for each perturbation, when it is looked at. */
export async function askStrengths() {
  if (!metrics.scores) return;
  const reply = await request('strengths', { token: poll.token, moment: history.moment }).catch(() => ({}));
  if (reply.rows) metrics.strengths = reply.rows;
  drawChart();
}

function addStrength() {
  setAttributes(slider, { type: 'range', min: 0, max: MOST_STRENGTH * 100, step: 5, value: 100 });
  strength.append(make('span', '', t('strength')), slider, output);
  $('.u-progress').prepend(strength);
  slider.addEventListener('input', () => setStrength(slider.value / 100));
}

// ---- the timeline: point, drag, or use the arrow keys

function setMoment(moment) {
  if (moment === history.moment || moment === undefined) return;
  history.moment = moment;
  showTimeline();
  ask();
}

export function showTimeline() {
  const { moments } = metrics;
  if (history.moment != null && !moments.includes(history.moment)) history.moment = null;
  const at = history.moment ?? moments.at(-1) ?? 0;
  const label = history.moment == null ? t('now') : t('then', { spent: group(at) });
  timeline.tabIndex = moments.length > 1 ? 0 : -1;
  setAttributes(timeline, {
    'aria-valuemin': 0,
    'aria-valuemax': Math.max(0, moments.length - 1),
    'aria-valuenow': Math.max(0, moments.indexOf(at)),
    'aria-valuetext': label,
  });
  then.textContent = label;
  $('.u-plot').toggleAttribute('data-then', history.moment != null);
  drawChart();
}

function scrub(event) {
  const box = timeline.getBoundingClientRect();
  const [x, y] = positionIn(event, timeline);
  const place = [x * box.width, y * box.height];
  if (currentChart() === 'strength') setStrength(strengthAt(place));
  else setMoment(momentAt(place) ?? undefined);
}

function onKey(event) {
  const by = STEPS[event.key];
  if (event.key === 'Escape' && history.moment != null) setMoment(null);
  const { moments } = metrics;
  if (!by || moments.length < 2) return;
  event.preventDefault();
  if (currentChart() === 'strength') {
    setStrength(clamp(history.strength + by * 0.05, 0, MOST_STRENGTH));
    return;
  }
  const last = moments.length - 1;
  const at = history.moment == null ? last : moments.indexOf(history.moment);
  setMoment(at + by > last ? null : moments[clamp(at + by, 0, last)]);
}

function addTimeline() {
  const rewind = button('', t('back_to'), () => {
    gradio.trigger('back', { spent: history.moment });
    setMoment(null);
  });
  const live = button('', t('live'), () => setMoment(null));
  $('.u-then').append(then, rewind, live);
  timeline.setAttribute('aria-label', t('timeline'));
  let scrubbing = false;
  timeline.addEventListener('pointerdown', (event) => {
    if (metrics.moments.length < 2) return;
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
  addTimeline();
  mountCharts((name) => {
    if (name === 'strength') askStrengths();
  });
  listen('frame', ask);
}
