// The four views, where each is shown, and the line between before and after. Runs once, when the stage is mounted.
const $ = (selector, from = element) => from.querySelector(selector);
const $$ = (selector, from = element) => [...from.querySelectorAll(selector)];
const root = $('.u-stage');
const facts = props.facts; // later updates replace the props
const FRAME = facts.size[0] / facts.size[1];
root.style.setProperty('--frame', FRAME);
const say = (key, values = {}) => facts.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

function make(tag, className, html) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (html) node.innerHTML = html;
  return node;
}

const views = {};
function view(id, hint, layers) {
  const node = make('div', 'u-view');
  node.dataset.view = id;
  node.innerHTML = '<figcaption><b>' + say(id) + '</b><span>' + hint + '</span></figcaption><div class="u-frame"><div class="u-fit">'
    + layers.map(name => '<canvas class="' + name + '"></canvas>').join('') + '</div></div>';
  return views[id] = node;
}
view('photo', say('compare'), ['base', 'before', 'paint']);
view('seen', say('point'), ['base', 'before']);
view('noise', '', ['base']);
view('wanted', '', ['base']);

const slots = { left: 'photo', right: 'seen', a: 'noise', b: 'wanted' };
function place() {
  for (const [slot, id] of Object.entries(slots)) $('[data-slot=' + slot + ']').replaceChildren(views[id]);
  root.dataset.left = slots.left;
}
function enlarge(id) {
  const slot = Object.keys(slots).find(name => slots[name] === id);
  if (slot === 'left') return;
  [slots[slot], slots.left] = [slots.left, id];
  place();
}
for (const id of ['noise', 'wanted', 'photo', 'seen']) {
  const button = make('button', 'u-enlarge', '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M9.5 2H14v4.5M14 2 9 7M6.5 14H2V9.500M2 14l5-5" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>');
  button.setAttribute('aria-label', say('large', { view: say(id) }));
  button.addEventListener('click', () => enlarge(id));
  $('figcaption', views[id]).append(button);
  $('.u-frame', views[id]).addEventListener('click', () => { if (views[id].closest('.u-small')) enlarge(id); });
}
place();

/* ---------- drawing ---------- */
const pen = (id, layer = 'base') => $('canvas.' + layer, views[id]).getContext('2d');
async function decoded(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}
function fit(id, width, height) {
  for (const canvas of $$('canvas', views[id])) {
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  }
  const shape = width / height;
  const box = $('.u-fit', views[id]).style;
  box.width = Math.min(1, shape / FRAME) * 100 + '%';
  box.height = Math.min(1, FRAME / shape) * 100 + '%';
}

const now = { clean: null, cleanSeen: null, after: null, seen: null, noise: null, wanted: null, width: 0, height: 0 };
const raw = { before: make('canvas'), after: make('canvas') }; // label colours, unblended, to read classes from
let painting = false;

function blend(context, photo, labels) {
  const { width, height } = context.canvas;
  context.globalAlpha = 1;
  context.imageSmoothingEnabled = true;
  context.drawImage(photo, 0, 0, width, height);
  context.globalAlpha = .78;
  context.imageSmoothingEnabled = false;
  context.drawImage(labels, 0, 0, width, height);
}
function keep(canvas, labels) {
  canvas.width = now.width;
  canvas.height = now.height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(labels, 0, 0, now.width, now.height);
}
function redraw() {
  if (!now.clean) return;
  const [width, height] = painting ? facts.size : [now.width, now.height];
  fit('photo', width, height);
  fit('seen', now.width, now.height);
  pen('photo').drawImage(painting ? scene : now.after || now.clean, 0, 0, width, height);
  pen('photo', 'before').drawImage(painting ? scene : now.clean, 0, 0, width, height);
  blend(pen('seen'), now.after || now.clean, now.seen || now.cleanSeen);
  blend(pen('seen', 'before'), now.clean, now.cleanSeen);
  keep(raw.after, now.seen || now.cleanSeen);
  keep(raw.before, now.cleanSeen);
  for (const id of ['noise', 'wanted']) {
    fit(id, ...facts.size);
    const context = pen(id);
    context.imageSmoothingEnabled = id === 'noise';
    context.fillStyle = '#808080';
    context.fillRect(0, 0, ...facts.size);
    if (now[id]) context.drawImage(now[id], 0, 0, ...facts.size);
  }
}
let scene = null;
decoded(facts.scene.image).then(image => { scene = image; redraw(); });

/* ---------- the line between before and after, one for both views ---------- */
let wipe = .2;
const lines = ['photo', 'seen'].map(id => {
  const line = make('div', 'u-wipe', '<i></i><em>' + say('before') + '</em><em>' + say('after') + '</em>');
  $('.u-fit', views[id]).append(line);
  return line;
});
const knob = $('i', lines[0]);
for (const [name, value] of Object.entries({ role: 'slider', tabindex: 0, 'aria-label': say('wipe'), 'aria-valuemin': 0, 'aria-valuemax': 100 })) knob.setAttribute(name, value);
function setWipe(share) {
  wipe = Math.min(1, Math.max(0, share));
  const cut = 'inset(0 ' + (100 - wipe * 100) + '% 0 0)';
  for (const id of ['photo', 'seen']) $('canvas.before', views[id]).style.clipPath = cut;
  for (const line of lines) {
    line.style.left = wipe * 100 + '%';
    line.dataset.edge = wipe < .14 ? 'start' : wipe > .86 ? 'end' : '';
  }
  knob.setAttribute('aria-valuenow', Math.round(wipe * 100));
}
setWipe(wipe);
knob.addEventListener('keydown', event => {
  const by = { ArrowLeft: -.02, ArrowDown: -.02, ArrowRight: .02, ArrowUp: .02, PageDown: -.2, PageUp: .2, Home: -1, End: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  setWipe(wipe + by);
});
function spot(event, box) {
  const edge = box.getBoundingClientRect();
  return [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height];
}
for (const id of ['photo', 'seen']) {
  const box = $('.u-fit', views[id]);
  let dragging = false;
  box.addEventListener('pointerdown', event => {
    if (event.button || (id === 'photo' && painting) || event.target.closest('.u-tools')) return;
    if (views[id].closest('.u-small')) return;
    dragging = true;
    box.setPointerCapture(event.pointerId);
    setWipe(spot(event, box)[0]);
  });
  box.addEventListener('pointermove', event => { if (dragging) setWipe(spot(event, box)[0]); });
  for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, () => { dragging = false; });
}

/* ---------- the class under the pointer ---------- */
const nameOf = new Map(facts.classes.map(each => [each.rgb.join(), each.name]));
const tip = make('div', 'u-tip');
tip.hidden = true;
$('.u-fit', views.seen).append(tip);
$('.u-fit', views.seen).addEventListener('pointermove', event => {
  if (!now.width) return;
  const [x, y] = spot(event, event.currentTarget);
  const source = x < wipe ? raw.before : raw.after;
  const at = [x * now.width, y * now.height].map((v, i) => Math.min(Math.max(0, Math.floor(v)), [now.width, now.height][i] - 1));
  const name = nameOf.get([...source.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3).join());
  tip.hidden = !name;
  tip.textContent = name || '';
  tip.style.left = Math.min(.92, Math.max(.08, x)) * 100 + '%';
  tip.style.top = y * 100 + '%';
  point(name);
});
$('.u-fit', views.seen).addEventListener('pointerleave', () => { tip.hidden = true; point(null); });

/* ---------- legend, and the other words that never change ---------- */
$('.u-legend').setAttribute('aria-label', say('classes'));
$('.u-strip h3 b').textContent = say('strip');
$('.u-drop b').textContent = say('drop');
$('.u-plot canvas').setAttribute('aria-label', say('described'));
for (const each of facts.classes) {
  const item = make('li', '', '<i style="background:rgb(' + each.rgb.join() + ')"></i>');
  item.append(each.name);
  item.dataset.name = each.name;
  $('.u-legend').append(item);
}
function point(name) {
  for (const item of $$('.u-legend li')) item.classList.toggle('at', item.dataset.name === name);
}
