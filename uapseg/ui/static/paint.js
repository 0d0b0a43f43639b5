// Drawing the target on the scene, at the model's own resolution. What is shown is what is sent: each pixel is in or out.
const [WIDTH, HEIGHT] = facts.size;
const sheet = $('canvas.paint', views.photo);
sheet.tabIndex = -1;
sheet.setAttribute('aria-label', say('keys'));
const undone = [];
let tool = 'look', drawable = false, radius = 14, stroke = null, cursor = [WIDTH / 2, HEIGHT / 2], ink = [230, 90, 30];

const layer = make('canvas');
layer.width = WIDTH;
layer.height = HEIGHT;
const brush = layer.getContext('2d', { willReadFrequently: true });

const tools = make('div', 'u-tools');
tools.setAttribute('role', 'toolbar');
tools.setAttribute('aria-label', say('tools'));
tools.innerHTML = ['look', 'draw', 'erase', 'undo', 'clear']
  .map(name => '<button type="button" data-tool="' + name + '">' + say(name) + '</button>').join('')
  + '<label>' + say('brush') + ' <input type="range" min="3" max="40" value="' + radius + '"></label>';
$('.u-frame', views.photo).append(tools);

function show() {
  if (sheet.width !== WIDTH || sheet.height !== HEIGHT) return;
  const context = sheet.getContext('2d');
  context.clearRect(0, 0, WIDTH, HEIGHT);
  if (!painting) return;
  context.drawImage(layer, 0, 0);
  if (document.activeElement === sheet) {
    context.strokeStyle = '#fff';
    context.beginPath();
    context.arc(...cursor, radius, 0, 7);
    context.stroke();
  }
}
function dab(from, to) {
  brush.globalCompositeOperation = tool === 'erase' ? 'destination-out' : 'source-over';
  brush.strokeStyle = 'rgb(' + ink.join() + ')';
  brush.lineWidth = radius * 2;
  brush.lineCap = 'round';
  brush.beginPath();
  brush.moveTo(...from);
  brush.lineTo(to[0] + .01, to[1]);
  brush.stroke();
  crisp();
  show();
}
function crisp() { // no half-transparent edge: a pixel is drawn or it is not, and all of them in the class's colour
  const pixels = brush.getImageData(0, 0, WIDTH, HEIGHT);
  const words32 = new Uint32Array(pixels.data.buffer);
  const full = 0xff000000 | ink[2] << 16 | ink[1] << 8 | ink[0];
  let any = false;
  for (let i = 0; i < words32.length; i++) {
    const on = words32[i] >>> 24 > 127;
    words32[i] = on ? full : 0;
    any ||= on;
  }
  brush.putImageData(pixels, 0, 0);
  return any;
}
function send() {
  props.value = { drawing: crisp() ? layer.toDataURL('image/png') : null };
  show();
  trigger('painted');
}
function remember() {
  undone.push(brush.getImageData(0, 0, WIDTH, HEIGHT));
  if (undone.length > 20) undone.shift();
}
function pick(name) {
  if (name === 'undo') {
    const before = undone.pop();
    if (before) { brush.putImageData(before, 0, 0); send(); }
    return;
  }
  if (name === 'clear') {
    remember();
    brush.clearRect(0, 0, WIDTH, HEIGHT);
    send();
    return;
  }
  tool = name;
  painting = drawable && tool !== 'look';
  root.dataset.tool = painting ? tool : 'look';
  sheet.tabIndex = painting ? 0 : -1;
  if (painting) enlarge('photo');
  $('figcaption span', views.photo).textContent = say(painting ? 'region' : 'compare');
  for (const button of $$('button', tools)) button.setAttribute('aria-pressed', button.dataset.tool === tool);
  redraw();
  show();
}
function setDrawing(on, colour) { // called when the controls ask for a drawn target, or no longer do
  ink = colour;
  crisp();
  if (on !== drawable) {
    drawable = on;
    root.dataset.drawable = on ? 1 : 0;
    pick(on && root.dataset.status !== 'running' ? 'draw' : 'look');
  }
  show();
}
async function restore(uri) {
  const image = await decoded(uri);
  brush.globalCompositeOperation = 'source-over';
  brush.clearRect(0, 0, WIDTH, HEIGHT);
  brush.drawImage(image, 0, 0);
  crisp();
  props.value = { drawing: uri };
  show();
}

const paper = $('.u-fit', views.photo);
const onPaper = event => { const [x, y] = spot(event, paper); return [x * WIDTH, y * HEIGHT]; };
paper.addEventListener('pointerdown', event => {
  if (!painting || event.button) return;
  event.preventDefault();
  paper.setPointerCapture(event.pointerId);
  remember();
  stroke = onPaper(event);
  dab(stroke, stroke);
});
paper.addEventListener('pointermove', event => {
  if (!stroke) return;
  const to = onPaper(event);
  dab(stroke, to);
  stroke = to;
});
for (const end of ['pointerup', 'pointercancel']) {
  paper.addEventListener(end, () => { if (stroke) { stroke = null; send(); } });
}
sheet.addEventListener('keydown', event => {
  const by = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6], ' ': [0, 0] }[event.key];
  if (!painting || !by) return;
  event.preventDefault();
  cursor = [Math.min(WIDTH, Math.max(0, cursor[0] + by[0])), Math.min(HEIGHT, Math.max(0, cursor[1] + by[1]))];
  if (event.key === ' ') { remember(); dab(cursor, cursor); send(); }
  show();
});
for (const change of ['focus', 'blur']) sheet.addEventListener(change, show);
tools.addEventListener('pointerdown', event => event.stopPropagation());
tools.addEventListener('click', event => { const button = event.target.closest('button'); if (button) pick(button.dataset.tool); });
$('input', tools).addEventListener('input', event => { radius = +event.target.value; });
pick('look');
