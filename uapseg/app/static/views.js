// The four views, and where each is shown.
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
const ENLARGE = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M10 2h4v4M14 2 9 7M6 14H2v-4M2 14l5-5" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>';
for (const id of ['noise', 'wanted', 'photo', 'seen']) {
  const larger = button('u-enlarge', '', () => enlarge(id));
  larger.innerHTML = ENLARGE;
  larger.setAttribute('aria-label', say('large', { view: say(id) }));
  $('figcaption', views[id]).append(larger);
  $('.u-frame', views[id]).addEventListener('click', () => { if (views[id].closest('.u-small')) enlarge(id); });
}
place();

/* ---------- drawing ---------- */
const NARROWEST = 1.4; // narrower pictures stand in a frame of this shape, so that the page still fits the screen
let frameShape = NARROWEST;
onWorld(() => {
  frameShape = Math.max(NARROWEST, world.size[0] / world.size[1]);
  root.style.setProperty('--frame', frameShape);
});
const pen = (id, layer = 'base') => $('canvas.' + layer, views[id]).getContext('2d');
function fit(id, width, height) {
  for (const canvas of $$('canvas', views[id])) {
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  }
  const shape = width / height;
  const box = $('.u-fit', views[id]).style;
  box.width = Math.min(1, shape / frameShape) * 100 + '%';
  box.height = Math.min(1, frameShape / shape) * 100 + '%';
}

const now = { clean: null, cleanSeen: null, after: null, seen: null, noise: null, difference: null, sure: null, wanted: null, width: 0, height: 0 };
const raw = { before: make('canvas'), after: make('canvas'), sure: make('canvas'), point: make('canvas') }; // label colours, unblended, to read classes from
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
  const [width, height] = painting ? world.size : [now.width, now.height];
  fit('photo', width, height);
  fit('seen', now.width, now.height);
  const after = mode.photo === 'difference' && now.difference || now.after || now.clean;
  pen('photo').drawImage(painting ? scene || now.clean : after, 0, 0, width, height);
  pen('photo', 'before').drawImage(painting ? scene || now.clean : now.clean, 0, 0, width, height);
  keep(raw.after, now.seen || now.cleanSeen);
  keep(raw.before, now.cleanSeen);
  blend(pen('seen', 'before'), now.clean, now.cleanSeen);
  if (mode.seen === 'sure' && now.sure) drawSure(pen('seen'));
  else if (mode.seen === 'changed') drawChanged(pen('seen'));
  else blend(pen('seen'), now.after || now.clean, now.seen || now.cleanSeen);
  for (const id of ['noise', 'wanted']) {
    fit(id, ...world.size);
    const context = pen(id);
    context.imageSmoothingEnabled = id === 'noise';
    context.fillStyle = '#808080';
    context.fillRect(0, 0, ...world.size);
    if (now[id]) context.drawImage(now[id], 0, 0, ...world.size);
  }
}
let scene = null; // what is painted on
onWorld(() => {
  const mine = world.key;
  decoded(world.scene.image).then(image => { if (mine === world.key) { scene = image; redraw(); } });
});
