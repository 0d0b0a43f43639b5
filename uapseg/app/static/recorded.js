// A recorded run, played to a visitor who has none yet: what happens is shown before anything is pressed.
import { setCaption } from './caption.js';
import {
  $,
  button,
  byId,
  emit,
  facts,
  gallery,
  images,
  listen,
  loadImage,
  metrics,
  painting,
  pause,
  poll,
  prefersLessMotion,
  recorded,
  request,
  root,
  setText,
  t,
  workspace,
} from './context.js';
import { showGallery } from './gallery.js';
import { setLive } from './history.js';
import { setShares, showMetrics } from './metrics.js';
import { group } from './numbers.js';
import { redraw, showClean, showFrame } from './views.js';

const FRAME_MS = 420;
const LAST_MS = 3600;
const badge = $('.u-recorded');

const isPossible = () =>
  poll.status === 'idle' &&
  !root.dataset.loading &&
  root.dataset.kind === 'scene' &&
  !painting.allowed &&
  root.isConnected &&
  workspace.key === facts.workspace.key;
const isOn = () => recorded.playing && isPossible();

export async function playRecorded() {
  if (!recorded.enabled || recorded.playing || !isPossible()) return;
  recorded.playing = true;
  recorded.frames ??= await request('recorded', { token: poll.token }).catch(() => ({}));
  if (!recorded.frames.frames || !recorded.playing || !isPossible()) {
    // nothing was recorded, or the visitor began meanwhile
    recorded.playing = false;
    return;
  }
  badge.hidden = false;
  const { frames: run, ending } = recorded.frames;
  const motionless = prefersLessMotion();
  const frames = motionless ? run.slice(-1) : run.concat(ending ?? []);
  for (let number = 0; isOn(); number = (number + 1) % frames.length) {
    await showRecorded(frames, number);
    await pause(motionless ? 1e6 : number < run.length - 1 ? FRAME_MS : LAST_MS);
  }
  stopRecorded();
}

async function showRecorded(frames, number) {
  const part = frames[number];
  const { heading } = part; // of what is shown after the run
  const { baselines, here, total, caption, shares } = { ...recorded.frames, ...heading };
  await showFrame(part);
  images.target = heading ? await loadImage(heading.target) : metrics.heading.target;
  if (!isOn()) return;
  const curve = (heading ? [part] : frames.slice(0, number + 1)).map((frame) => [frame.image_gradients, frame.scores]);
  setShares(shares);
  Object.assign(metrics, { scores: part.scores, plain: part.plain, baselines, here, total, curve });
  Object.assign(metrics, { measuredAt: part.image_gradients, historyPoints: [], intervals: [], changes: [] });
  Object.assign(gallery, { each: part.each, thumbs: part.thumbs });
  setCaption(caption);
  setText('gradients', group(part.image_gradients));
  setText('total', t('total', { total: group(total) }));
  recorded.imageGradients = part.image_gradients;
  showGallery();
  showMetrics();
  redraw();
}

/** The visitor begins: what was shown makes room for what is theirs. */
export function stopRecorded() {
  recorded.enabled = false;
  if (!recorded.playing) return;
  Object.assign(recorded, { playing: false, imageGradients: null });
  badge.hidden = true;
  Object.assign(gallery, { each: null, thumbs: null });
  clearRun();
  poll.seq = -1;
  emit('poll');
}

/** Shows nothing of a run, as there is none. */
export function clearRun() {
  showClean();
  images.perturbation = null;
  metrics.plain = '';
  metrics.viewed = null;
  Object.assign(metrics, { strengths: null, success: null });
  setLive();
  poll.frame = -1;
}

export function mount() {
  listen('begin', stopRecorded);
  $('b', badge).textContent = t('recorded');
  badge.append(button('', t('stop_recorded'), stopRecorded));
  const side = byId('u-side');
  side?.addEventListener('input', stopRecorded);
  side?.addEventListener('click', (event) => {
    if (event.target.closest('label, #u-start')) stopRecorded();
  });
}
