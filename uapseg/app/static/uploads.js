// Photos and clips of one's own: chosen, dropped anywhere or pasted, always through the page's own upload; and the
// buttons that make them the training set.
import { $, announce, button, byId, gallery, gradio, make, setText, t } from './context.js';
import { views } from './views.js';

const MAX_SILENCE_MS = 30_000; // after which an upload counts as failed: Gradio tells nobody
const KINDS = { photos: 'image', clip: 'video' };
const panel = $('.u-reading');
const meter = make('progress');
let silence = 0;
let isRead = false; // whether the server is reading it; before, it is on its way

const inputOf = (kind) => $(`#u-bring input[type=file][accept*=${KINDS[kind]}]`, document);

/** Shows that an upload is on its way or being read; `share` is how far that is, where it is known. */
function showReading(kind, share = null) {
  const isNew = panel.hidden;
  panel.hidden = false;
  $('b', panel).textContent = t(`reading_${kind}`);
  if (share == null) meter.removeAttribute('value');
  else meter.value = share;
  if (isNew) announce(t(`reading_${kind}`));
  clearTimeout(silence);
  silence = setTimeout(hideReading, MAX_SILENCE_MS);
}

/** Follows what the server reads: a kind of upload with its share, or null. */
export function followReading(reading) {
  if (reading) showReading(...reading);
  else if (isRead) hideReading();
  isRead = Boolean(reading);
}

function hideReading() {
  clearTimeout(silence);
  panel.hidden = true;
}

function upload(kind, files) {
  const parcel = new DataTransfer();
  for (const file of files) if (file.type.startsWith(`${KINDS[kind]}/`)) parcel.items.add(file);
  if (!parcel.files.length) return false;
  const input = inputOf(kind);
  input.files = parcel.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}

function take(files) {
  const isTaken = Object.keys(KINDS).map((kind) => upload(kind, [...files]));
  if (!files.length || isTaken.includes(true)) return;
  setText('state', t('not_dropped'));
  announce(t('not_dropped'));
}

function onDrag(event) {
  if (![...event.dataTransfer.types].includes('Files')) return;
  event.preventDefault();
  $('.u-drop').hidden = event.type !== 'dragover';
  if (event.type === 'drop') take(event.dataTransfer.files);
}

export const choosePhotos = () => byId('u-photos').click();

// ---- one's own pictures as the training set

const line = make('p', 'u-train-line');
const text = make('span');
const photos = button('u-train', t('train_photos'), () => gradio.trigger('own', { source: 'photos' }));
const clip = button('u-train', t('train_clip'), () => byId('u-train-clip').click());
const back = button('u-train', t('train_data'), () => gradio.trigger('own', { source: 'data' }));

/** Shows what is trained on; `own` is how the server describes the visitor's own pictures, if there are any. */
export function showOwn(own) {
  line.toggleAttribute('data-chosen', own.chosen);
  text.textContent = own.chosen ? t('train_line', { line: own.line }) : '';
  back.hidden = !own.chosen;
  $('.u-strip').toggleAttribute('data-own', Boolean(own.line));
}

/** Offers to train on photos once there are some. */
export function offerPhotos() {
  photos.hidden = !gallery.photos.length;
}

function mountTrainButtons() {
  photos.hidden = true;
  back.hidden = true;
  line.append(text, back, photos, clip);
  $('.u-strip header').after(line);
}

export function mount() {
  const inputs = byId('u-bring'); // worked by the stage's buttons alone
  if (inputs) Object.assign(inputs, { inert: true, ariaHidden: 'true' });
  const ownButton = button('u-own', t('choose_photos'), choosePhotos);
  ownButton.title = t('how');
  $('.u-enlarge', views.photo).before(ownButton);
  $('.u-strip header').append(button('u-clip', t('clip'), () => byId('u-clip').click()));
  $('.u-drop b').textContent = t('drop');
  panel.append(meter);
  inputs?.addEventListener('change', ({ target }) => {
    const kind = Object.keys(KINDS).find((name) => target === inputOf(name));
    if (kind && target.files.length) showReading(kind);
  });
  mountTrainButtons();
  addEventListener('read', hideReading);
  document.addEventListener('paste', (event) => take(event.clipboardData?.files || []));
  for (const kind of ['dragover', 'drop', 'dragleave']) document.addEventListener(kind, onDrag);
}
