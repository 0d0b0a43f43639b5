// The hand that draws: pointer, touch and keyboard on the photo, and the toolbar's buttons.
const sheet = $('canvas.paint', views.photo);
sheet.tabIndex = -1;
sheet.setAttribute('aria-label', say('keys'));
const desk = $('.u-fit', views.photo);
let tool = 'look', drawable = false, ink = 0, began = null, last = null, before = null, cursor = [0, 0];
onWorld(() => { cursor = world.size.map(side => side / 2); });

function show() {
  if (sheet.width !== paper.width || sheet.height !== paper.height) return;
  const context = sheet.getContext('2d');
  context.clearRect(0, 0, paper.width, paper.height);
  if (!painting) return;
  context.drawImage(layer, 0, 0);
  if (document.activeElement !== sheet) return;
  context.strokeStyle = '#fff';
  context.beginPath();
  context.arc(...cursor, ['brush', 'erase', 'line'].includes(tool) ? +option('size').value : 5, 0, 7);
  context.stroke();
}
function send() {
  props.value = { drawing: encoded() };
  for (const name of ['undo', 'redo']) $('[data-tool=' + name + ']', bar).disabled = !paper[name + 'ne'].length;
  show();
  trigger('painted');
}
function pick(name) {
  tool = name;
  painting = drawable && tool !== 'look';
  root.dataset.tool = painting ? tool : 'look';
  sheet.tabIndex = painting ? 0 : -1;
  if (painting) enlarge('photo');
  $('figcaption span', views.photo).textContent = say(painting ? 'region' : 'compare');
  for (const each of $$('button', bar)) if (TOOLS.includes(each.dataset.tool)) each.setAttribute('aria-pressed', each.dataset.tool === tool);
  for (const each of $$('[data-option]', options)) each.hidden = !OPTIONS[each.dataset.option].includes(tool);
  options.hidden = !painting || !Object.values(OPTIONS).some(names => names.includes(tool));
  redraw();
  show();
}
function act(name) {
  if (name === 'undo') { if (!step(paper.undone, paper.redone)) return; }
  else if (name === 'redo') { if (!step(paper.redone, paper.undone)) return; }
  else {
    remember();
    ({ mirror, invert: () => invert(ink), clear: wipeOff })[name]();
  }
  if (!painting) pick('brush');
  send();
}
function dip(number) { // another class to draw with
  if (!drawable) return;
  ink = number;
  if (!painting) pick('brush');
  marked();
}
function marked() {
  $$('li button', legend).forEach((each, number) => {
    each.disabled = !drawable;
    each.toggleAttribute('aria-pressed', false);
    if (drawable) each.setAttribute('aria-pressed', number === ink);
  });
}
function setDrawing(on, number) { // called when the controls ask for a drawn target, or no longer do
  if (on !== drawable) {
    drawable = on;
    ink = number;
    root.dataset.drawable = on ? 1 : 0;
    pick(on && root.dataset.status !== 'running' ? 'brush' : 'look');
  }
  marked();
  show();
}

/* ---------- strokes ---------- */
const onDesk = event => { const [x, y] = spot(event, desk); return [x * paper.width, y * paper.height]; };
const inside = ([x, y]) => [Math.min(paper.width - 1, Math.max(0, Math.floor(x))), Math.min(paper.height - 1, Math.max(0, Math.floor(y)))];
function begin(at) {
  remember();
  before = paper.numbers.slice();
  began = last = at;
  if (tool === 'fill') flood(...inside(at), ink);
  else move(at);
}
function move(to) {
  if (tool === 'fill') return;
  const freehand = ['brush', 'erase'].includes(tool);
  if (!freehand) paper.numbers.set(before); // a shape is laid anew until the hand is lifted
  lay(tool === 'erase' ? NOTHING : ink, pen2 => strokes[tool === 'erase' ? 'brush' : tool](pen2, freehand ? last : began, to));
  last = to;
  show();
}
function end() {
  if (!began) return;
  began = null;
  send();
}
desk.addEventListener('pointerdown', event => {
  if (!painting || event.button) return;
  event.preventDefault();
  desk.setPointerCapture(event.pointerId);
  begin(onDesk(event));
});
desk.addEventListener('pointermove', event => { if (began) move(onDesk(event)); });
for (const over of ['pointerup', 'pointercancel']) desk.addEventListener(over, end);

/* ---------- by keyboard and by numbers ---------- */
sheet.addEventListener('keydown', event => {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!painting || !(by || event.key === ' ' || event.key === 'Escape')) return;
  event.preventDefault();
  if (event.key === 'Escape') { sheet.blur(); return; }
  const far = event.shiftKey ? 1 : 6;
  if (by) cursor = cursor.map((v, axis) => Math.min(world.size[axis], Math.max(0, v + by[axis] * far)));
  else if (['line', 'box', 'oval'].includes(tool) && !began) begin(cursor); // one press begins a shape, the next ends it
  else if (began) end();
  else { begin(cursor); end(); }
  if (began) move(cursor);
  show();
});
root.addEventListener('keydown', event => {
  if (!drawable || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
  if (event.target.matches('input[type=text], input[type=number]')) return;
  event.preventDefault();
  act(event.shiftKey ? 'redo' : 'undo');
});
options.addEventListener('submit', event => {
  event.preventDefault();
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map(name => +option(name).value);
  begin([x, y]);
  move([x + width, y + height]);
  end();
});
for (const change of ['focus', 'blur']) sheet.addEventListener(change, show);
pick('look');
