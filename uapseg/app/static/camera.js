// The visitor's camera, live: each frame goes to the network once without and once with the perturbation.
import {
  $,
  announce,
  button,
  camera,
  frameOptions,
  gradio,
  history,
  make,
  pause,
  poll,
  request,
  root,
  setText,
  t,
} from './context.js';
import { loadPhoto, redraw, setTitle, showClean, showFrame, views } from './views.js';

const WIDTH = 384;
const video = make('video');
const frameCanvas = make('canvas');
const openButton = button('u-camera', t('camera'), () => (camera.stream ? close() : open()));
const filmButton = button('u-film', t('train_webcam'), beginFilming);
const recordButton = button('u-record', t('record'), () => (camera.recording ? endRecording() : beginRecording()));

async function open() {
  openButton.disabled = true; // until the visitor has allowed it
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch {
    announce(t('no_camera'));
    setText('state', t('no_camera'));
    return;
  } finally {
    openButton.disabled = false;
  }
  camera.stream = stream;
  stream.getVideoTracks()[0].addEventListener('ended', () => camera.stream === stream && close()); // it was unplugged
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  openButton.textContent = t('camera_off');
  recordButton.hidden = filmButton.hidden = false;
  root.dataset.kind = 'camera';
  setTitle('photo', t('camera'));
  while (camera.stream === stream && root.isConnected) {
    await processFrame();
    if (camera.ended) gradio.trigger('recording'); // no frame is on its way any more
    if (camera.enough) trainOnFilm();
    camera.ended = false;
  }
}

function captureFrame() {
  const height = Math.round((WIDTH * video.videoHeight) / Math.max(1, video.videoWidth));
  Object.assign(frameCanvas, { width: WIDTH, height });
  frameCanvas.getContext('2d').drawImage(video, 0, 0, WIDTH, height);
  return frameCanvas.toDataURL('image/jpeg', 0.9);
}

async function processFrame() {
  const recording = camera.recording || null;
  const payload = {
    token: poll.token,
    picture: captureFrame(),
    history_point: history.point,
    record: recording,
    ...frameOptions(),
  };
  if (camera.filming) payload.footage = camera.filming;
  const reply = await request('camera_frame', payload).catch(() => ({}));
  if (!camera.stream) return;
  if (!reply.photo) {
    await pause(200);
    return;
  }
  await loadPhoto(reply.photo);
  if (reply.after) await showFrame(reply);
  else showClean();
  camera.frames++;
  redraw();
  if (reply.filmed != null && camera.filming) {
    filmButton.textContent = t('filming', { seconds: Math.round(reply.filmed) });
    camera.enough = reply.enough;
  }
  if (!camera.recording || reply.recorded == null) return;
  recordButton.textContent = t('recording', { seconds: Math.round(reply.recorded) });
  if (reply.full) endRecording();
}

/** What is shown is recorded where it is made; here it is only begun and ended. */
function beginRecording() {
  camera.recording = Date.now();
  recordButton.textContent = t('recording', { seconds: 0 });
  announce(recordButton.textContent);
}

function endRecording() {
  Object.assign(camera, { recording: false, ended: true });
  recordButton.textContent = t('record');
}

/** About ten seconds of what the camera sees become the pictures that are trained on. */
function beginFilming() {
  camera.filming = Date.now();
  filmButton.textContent = t('filming', { seconds: 0 });
  announce(filmButton.textContent);
}

function trainOnFilm() {
  close();
  gradio.trigger('own', { source: 'webcam' });
}

function close() {
  Object.assign(camera, { filming: false, enough: false });
  filmButton.textContent = t('train_webcam');
  filmButton.hidden = true;
  if (camera.recording) endRecording();
  recordButton.hidden = true;
  for (const track of camera.stream.getTracks()) track.stop();
  camera.stream = null;
  openButton.textContent = t('camera');
  gradio.trigger('view', { kind: 'scene', number: 0 });
}

export function mount() {
  openButton.hidden = !navigator.mediaDevices;
  recordButton.hidden = filmButton.hidden = true;
  $('.u-own', views.photo).before(openButton, recordButton, filmButton);
}
