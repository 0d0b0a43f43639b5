// The long poll: the newest frame wins, so a slow link lowers the frame rate and nothing else.
import {
  $,
  $$,
  announce,
  button,
  byId,
  camera,
  emit,
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
  onWorkspace,
  painting,
  pause,
  poll,
  recorded,
  request,
  root,
  setText,
  setWorkspace,
  t,
  workspace,
} from './context.js';
import { openLinkedExample, showGallery, showTab, takeRuns } from './gallery.js';
import { askStrengths, showTimeline } from './history.js';
import { currentChart, showHeading, showMetrics } from './metrics.js';
import { clock, group, rate } from './numbers.js';
import { restoreDrawing, selectTool, setDrawing, showDrawing } from './pointer.js';
import { clearRun, playRecorded } from './recorded.js';
import { followReading, offerPhotos, showOwn } from './uploads.js';
import { isPhotoWaiting, loadPhoto, redraw, setTitle, showClean, showFrame } from './views.js';

const panel = $('.u-loading');
const buttons = {
  fetch: button('u-solid', t('fetch'), () => gradio.trigger('start_download')),
  again: button('u-solid', t('again'), () => gradio.trigger('start_download')),
  cancel: button('', t('cancel'), () => gradio.trigger('cancel')),
};
const OFFERED = { fetch: ['costs'], again: ['failed'], cancel: ['costs', 'fetching', 'loading', 'failed'] };

/** Keeps keyboard and pointer out of what lies under the panel. */
function setInert(isInert) {
  for (const part of $$('.u-head, .u-views, .u-strip')) part.inert = isInert;
}

function showLoading({ state, share, loading: { title, lines } }) {
  const isNew = !root.dataset.loading;
  root.dataset.loading = state;
  setInert(true);
  panel.hidden = false;
  $('b', panel).textContent = title;
  $('div', panel).replaceChildren(...lines.map((line) => make('p', '', line)));
  const meter = $('progress', panel);
  meter.hidden = !['fetching', 'loading'].includes(state);
  if (share == null) meter.removeAttribute('value');
  else meter.value = share;
  for (const [name, each] of Object.entries(buttons)) each.hidden = !OFFERED[name].includes(state);
  if (isNew) announce(title);
}

function hideLoading() {
  panel.hidden = true;
  delete root.dataset.loading;
  setInert(false);
}

function mountLoading() {
  panel.append(...Object.values(buttons));
  onWorkspace(() => {
    const about = byId('u-about');
    if (about) about.title = about.textContent = workspace.about;
  });
}

const RETRY_MS = 1500;
const MAX_FAILURES = 5;
/** How long the page's first event may take to bring the token before it is sent again. */
const TOKEN_MS = 8000;
const RATED = 4; // measurements before the time that is left is told: the first steps are slower than the rest
const MAX_CHANGING_MS = 15000;
const RESTING = ['idle', 'paused', 'done'];

// ---- the run in words

/** A control that was changed during a run, until the curve says that the change has come into force. */
const change = { until: 0, changes: 0 };
const isChanging = () =>
  poll.status === 'running' && performance.now() < change.until && (metrics.changes?.length ?? 0) === change.changes;

function announceChange({ target }) {
  if (poll.status !== 'running' || target.closest('#u-go, #u-save')) return;
  Object.assign(change, { until: performance.now() + MAX_CHANGING_MS, changes: metrics.changes?.length ?? 0 });
  setText('state', t('changing'));
}

function stateText(reply) {
  if (reply.place > 1) return t('place', { place: reply.place });
  if (isChanging()) return t('changing');
  if (reply.note) return reply.note;
  if (reply.status !== 'running' || !poll.rate) return t(reply.status);
  if (poll.rated < RATED) return t('rate_alone', { rate: rate(poll.rate) });
  const remaining = Math.max(0, (reply.total - reply.image_gradients) / poll.rate);
  return t('rate', { rate: rate(poll.rate), left: clock(remaining) });
}

function measureRate({ status, image_gradients: gradients }) {
  const time = performance.now() / 1000;
  if (status !== 'running' || !poll.mark || gradients < poll.mark.gradients) {
    Object.assign(poll, { mark: { time, gradients }, rate: 0, rated: 0 });
    return;
  }
  const span = time - poll.mark.time;
  if (span <= 2 || gradients === poll.mark.gradients) return;
  const currentRate = (gradients - poll.mark.gradients) / span;
  poll.rate = poll.rate ? 0.6 * poll.rate + 0.4 * currentRate : currentRate;
  poll.rated++;
  poll.mark = { time, gradients };
}

function setStatus(status) {
  root.dataset.status = status; // after a lost connection, too
  if (status === poll.status) return;
  const resting = RESTING.includes(status);
  poll.status = status;
  const pair = byId('u-workspace');
  if (pair) pair.inert = !resting;
  if (status === 'running' && painting.on) selectTool('view');
  if (status === 'running' && gallery.tab === 'examples') showTab('held_out');
  if (resting) {
    poll.frame = -1; // once more, and with how sure the network is
    gradio.trigger('stopped'); // also at first: the run may have come to rest after the page was filled in
  }
  announce(t(status));
  emit('status');
}

/** Tells at every tenth of the run how far it is, and what is reached. */
function announceTenth({ status, image_gradients: gradients, total }) {
  const tenth = Math.floor((10 * gradients) / total);
  if (status === 'running' && tenth > poll.tenth) announce(t('tenth', { done: 10 * tenth, plain: metrics.plain }));
  poll.tenth = status === 'running' ? tenth : Math.min(tenth, 9);
}

function showProgress({ image_gradients: gradients, total }) {
  $('.u-bar i').style.width = `${Math.min(100, (100 * gradients) / total)}%`;
  if (recorded.playing) return;
  setText('gradients', group(gradients));
  setText('total', t('total', { total: group(total) }));
}

// ---- applying a reply

async function applyPhoto({ view: [kind], ...photo }) {
  if (camera.stream) return; // it is requested again when the camera is closed
  await loadPhoto(photo.image ? photo : workspace.scene);
  poll.frame = -1;
  setTitle('photo', t(kind === 'scene' ? 'photo' : kind));
  root.dataset.kind = kind;
  if (!isLive()) emit('frame');
}

async function applyHeading(reply) {
  images.target = reply.target ? await loadImage(reply.target) : null;
  const { caption, shares, amplified, epsilon, asked, avoided } = reply;
  metrics.heading = { caption, shares, amplified, epsilon, asked, avoided, target: images.target };
  root.toggleAttribute('data-keeps', reply.keeps);
  metrics.here = reply.here || '';
  showHeading();
  setDrawing(reply.drawing, reply.ink);
}

/** Shows a warning, unless it was closed; it lies over the page, of which it moves nothing. */
function showWarning(text) {
  const line = $('.u-warning p');
  if (line.textContent === text) return;
  line.textContent = text;
  $('.u-warning').hidden = !text;
}

function applyMetrics(reply) {
  const {
    scores,
    baselines,
    curve,
    intervals,
    pictures,
    history_points: historyPoints,
    measured_at: measuredAt,
  } = reply;
  Object.assign(metrics, { scores, baselines, curve, historyPoints, intervals, measuredAt, pictures });
  Object.assign(metrics, { changes: reply.plan_changes, intervalScore: reply.interval_score });
  gallery.live = { each: reply.each, thumbs: reply.thumbs };
  showTimeline();
  if (isLive()) Object.assign(gallery, gallery.live);
  if (currentChart() === 'strength') askStrengths();
  metrics.plain = reply.plain;
  metrics.groups = reply.groups;
  showWarning(reply.warning || '');
  if (history.defence || history.strength !== 1) emit('frame'); // their figures are measured again
  metrics.updates++;
}

async function applyWorkspace(reply) {
  if (reply.workspace && (setWorkspace(reply.workspace) || root.dataset.loading)) gradio.trigger('loaded');
  hideLoading();
  if ('photo' in reply) await applyPhoto(reply.photo);
  if ('drawing' in reply && !recorded.playing && !isOpening()) await applyHeading(reply);
  if (reply.strokes) await restoreDrawing(reply.strokes);
}

/** Whether an example was pressed and the server is still at it. */
const isOpening = () => performance.now() < gallery.openingUntil;

async function applyRun(reply) {
  if (reply.photos) gallery.photos = reply.photos;
  if (reply.training_set) showOwn(reply.training_set);
  if (reply.runs) takeRuns(reply.runs);
  offerPhotos();
  if (reply.own) {
    gallery.own = reply.own;
    poll.ownVersion = reply.own.version;
  }
  if (reply.status === 'idle' && !recorded.playing && !isOpening()) clearRun();
  if (reply.after && isLive()) await showFrame(reply);
  if (isPhotoWaiting() && !isOpening() && (isLive() || !images.after)) showClean();
  measureRate(reply);
  poll.imageGradients = reply.image_gradients;
  poll.perturbationVersion = reply.perturbation_version;
  if (recorded.playing) return;
  metrics.total = reply.total;
  if ('curve' in reply && !isOpening()) applyMetrics(reply);
}

async function applyReply(reply) {
  const isAnswer = reply.status !== 'idle' && reply.perturbation_version !== gallery.versionBefore;
  const isOpened = gallery.openingUntil > 0 && (isAnswer || !isOpening());
  if (isOpened) gallery.openingUntil = 0;
  await applyWorkspace(reply);
  await applyRun(reply);
  followReading(reply.reading);
  showGallery();
  setStatus(reply.status);
  openLinkedExample();
  if (reply.status === 'idle') playRecorded();
  showProgress(reply);
  announceTenth(reply);
  setText('state', stateText(reply));
  showMetrics();
  redraw();
  showDrawing();
  poll.seq = isOpened ? -1 : reply.seq; // what came while an example was opened was left out: once more
}

// ---- asking

function question() {
  const { token, seq, frame, turn, ownVersion } = poll;
  const isHidden = document.hidden || !isLive();
  const wantsOwn = gallery.tab === 'own';
  return {
    token,
    seq,
    frame,
    turn,
    own_version: ownVersion,
    workspace: workspace.key,
    ...frameOptions(),
    hidden: isHidden,
    wants_own: wantsOwn,
  };
}

function measureLag(milliseconds) {
  poll.lag = 0.7 * poll.lag + 0.3 * milliseconds;
  poll.slow = poll.lag > (poll.slow ? 300 : 900);
}

/** Has the server find the run again by what the browser remembers; false where that failed too often. */
async function recover() {
  if (++poll.failures > MAX_FAILURES) {
    setText('state', t('gone'));
    return false;
  }
  gradio.trigger('reconnect');
  await pause(1000);
  return true;
}

/** Polls once; returns whether to poll again. */
async function askOnce(isCurrent) {
  const startTime = performance.now();
  const reply = await request('poll', question());
  if (!isCurrent()) return false;
  if (reply.failed) {
    await pause(RETRY_MS);
    return true;
  }
  if (reply.gone) return recover();
  if (reply.after) measureLag(performance.now() - startTime);
  poll.failures = 0;
  if (reply.turn && reply.turn !== poll.turn) {
    poll.turn = reply.turn;
    gradio.trigger('turn');
  }
  if (reply.loading) showLoading(reply);
  else await applyReply(reply);
  return true;
}

async function run() {
  const loop = ++poll.loop;
  const isCurrent = () => loop === poll.loop;
  let goesOn = Boolean(poll.token);
  while (goesOn && isCurrent() && root.isConnected) {
    try {
      goesOn = await askOnce(isCurrent);
    } catch (error) {
      if (!isCurrent()) return;
      console.warn(error);
      root.dataset.status = 'offline';
      setText('state', t('offline'));
      await pause(RETRY_MS);
    }
  }
}

function setToken() {
  const { token } = gradio.props;
  if (token && token !== poll.token) Object.assign(poll, { token, seq: -1, frame: -1, ownVersion: -1 });
  if (token) run();
}

/** Asks for the token again where the page's first event has failed or was not answered. */
async function waitForToken() {
  await pause(TOKEN_MS);
  for (; !poll.token && root.isConnected; await pause(TOKEN_MS)) gradio.trigger('reconnect');
}

export function mount() {
  mountLoading();
  setText('state', t('loading'));
  const warning = $('.u-warning');
  const close = button('', '×', () => {
    warning.hidden = true;
  });
  close.setAttribute('aria-label', t('close'));
  warning.append(close);
  listen('poll', run);
  byId('u-side')?.addEventListener('input', announceChange);
  gradio.watch('token', setToken);
  setToken();
  waitForToken();
}
