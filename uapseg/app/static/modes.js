// How before and after are compared in each view.
const MODES = { photo: ['wipe', 'blink', 'difference'], seen: ['labels', 'changed', 'sure'], noise: ['noise', 'spectrum'] };
const mode = { photo: 'wipe', seen: 'labels', noise: 'noise', factor: 10 };
const BLINK_MS = 650;

for (const [id, names] of Object.entries(MODES)) {
  const choice = make('select', 'u-mode');
  choice.setAttribute('aria-label', say('compare_how', { view: say(id) }));
  choice.append(...names.map(name => {
    const option2 = make('option');
    option2.value = name;
    option2.textContent = say('m_' + name);
    return option2;
  }));
  choice.addEventListener('change', () => setMode(id, choice.value));
  $('figcaption b', views[id]).after(choice);
}
const factor = make('input', 'u-factor');
for (const [name, value] of Object.entries({ type: 'range', min: 1, max: 60, value: mode.factor, 'aria-label': say('factor') })) factor.setAttribute(name, value);
factor.addEventListener('input', () => { mode.factor = +factor.value; anew(); });
$('figcaption .u-mode', views.photo).after(factor);

function setMode(id, name) {
  mode[id] = name;
  root.dataset[id + 'Mode'] = name;
  anew();
  redraw();
}
for (const id of Object.keys(MODES)) root.dataset[id + 'Mode'] = mode[id];
function anew() { // other pictures are needed: the newest frame is asked for once more
  seen.frame = -1;
  if (stats.token) ask();
}
function wants() {
  return {
    slow: seen.slow, strength: look.strength, factor: mode.photo === 'difference' ? mode.factor : 0,
    stretch: stretch.checked, spectrum: mode.noise === 'spectrum', sure: mode.seen === 'sure' || ['paused', 'done'].includes(seen.status),
  };
}
setInterval(() => {
  const on = mode.photo === 'blink' && !painting && !document.hidden;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches; // then the line stays: see `small.css`
  root.toggleAttribute('data-blinked', on && !still && !root.hasAttribute('data-blinked'));
}, BLINK_MS);

/* ---------- pictures that the browser makes itself, from label maps and confidences, which come without loss ---------- */
const COLD = [[13, 8, 40], [120, 28, 109], [229, 92, 48], [252, 255, 164]]; // from a guess to certainty
function heat(value) {
  const at = value / 255 * (COLD.length - 1), low = Math.min(COLD.length - 2, Math.floor(at)), share = at - low;
  return COLD[low].map((v, channel) => v + (COLD[low + 1][channel] - v) * share);
}
const HEAT = Array.from({ length: 256 }, (_, value) => heat(value));
function pixels(canvas) {
  return canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);
}
function drawSure(context) {
  keep(raw.sure, now.sure);
  const picture = pixels(raw.sure);
  for (let at = 0; at < picture.data.length; at += 4) picture.data.set(HEAT[picture.data[at]], at);
  context.putImageData(picture, 0, 0);
}
function drawChanged(context) {
  context.globalAlpha = 1;
  context.drawImage(now.after || now.clean, 0, 0, now.width, now.height);
  const picture = context.getImageData(0, 0, now.width, now.height), { data } = picture;
  const before = pixels(raw.before).data, after = pixels(raw.after).data;
  for (let at = 0; at < data.length; at += 4) {
    const same = before[at] === after[at] && before[at + 1] === after[at + 1] && before[at + 2] === after[at + 2];
    const grey = 40 + (data[at] + data[at + 1] + data[at + 2]) / 6;
    data.set(same ? [grey, grey, grey] : after.subarray(at, at + 3), at);
  }
  context.putImageData(picture, 0, 0);
}
