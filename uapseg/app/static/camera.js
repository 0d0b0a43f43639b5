// The visitor's camera, live: each frame goes to the network once without and once with the perturbation.
const film = make('video');
const shutter = make('canvas');
const camera = { stream: null, reel: null, cut: false };
const eye = button('u-camera', say('camera'), () => (camera.stream ? closeCamera() : openCamera()));
eye.hidden = !navigator.mediaDevices;
const reel = button('u-reel', say('record'), () => (camera.reel ? cut() : roll()));
reel.hidden = true;
own.before(eye, reel);

async function openCamera() {
  try {
    camera.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    $('.u-live').textContent = say('no_camera');
    text('state', say('no_camera'));
    return;
  }
  film.muted = true;
  film.srcObject = camera.stream;
  await film.play();
  eye.textContent = say('camera_off');
  reel.hidden = false;
  root.dataset.kind = 'camera';
  $('figcaption b', views.photo).textContent = say('camera');
  while (camera.stream && element.isConnected) {
    await shoot();
    if (camera.cut) trigger('reel'); // no frame is on its way any more
    camera.cut = false;
  }
}
async function shoot() {
  Object.assign(shutter, { width: 384, height: Math.round(384 * film.videoHeight / Math.max(1, film.videoWidth)) });
  shutter.getContext('2d').drawImage(film, 0, 0, shutter.width, shutter.height);
  const reply = await answer('shot', { token: stats.token, picture: shutter.toDataURL('image/jpeg', .9), moment: look.moment, record: camera.reel, ...wants(), sure: mode.seen === 'sure' }).catch(() => ({}));
  if (!camera.stream) return;
  if (!reply.photo) { await pause(200); return; }
  [now.clean, now.cleanSeen] = await Promise.all([decoded(reply.photo.image), decoded(reply.photo.seen)]);
  Object.assign(now, { width: reply.photo.width, height: reply.photo.height });
  if (reply.after) await frame(reply);
  else Object.assign(now, { after: null, seen: null, sure: null, difference: null });
  stats.shots = (stats.shots || 0) + 1;
  redraw();
  if (!camera.reel || reply.recorded == null) return;
  reel.textContent = say('recording', { seconds: Math.round(reply.recorded) });
  if (reply.full) cut();
}
function roll() { // what is shown is recorded where it is made; here it is only begun and ended
  camera.reel = Date.now();
  $('.u-live').textContent = reel.textContent = say('recording', { seconds: 0 });
}
function cut() {
  camera.reel = null;
  camera.cut = true;
  reel.textContent = say('record');
}
function closeCamera() {
  if (camera.reel) cut();
  reel.hidden = true;
  for (const track of camera.stream.getTracks()) track.stop();
  camera.stream = null;
  eye.textContent = say('camera');
  trigger('view', { kind: 'scene', number: 0 });
}
