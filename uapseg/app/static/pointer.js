// The hand that draws: pointer, touch and keyboard on the photo, and the toolbar's buttons.
import { $, gradio, onWorkspace, painting, poll, positionIn, root, setAttributes, t, workspace } from './context.js';
import {
  clear,
  decode,
  encode,
  flood,
  invert,
  mask,
  maskLayer,
  mirror,
  mount as mountTools,
  option,
  options,
  rasterize,
  redo,
  remember,
  showTool,
  strokes,
  toolButton,
  undo,
} from './drawing.js';
import { NOTHING } from './label-map.js';
import { legend, pressClass } from './legend.js';
import { clamp, pixelAt } from './numbers.js';
import { boxOf, enlarge, redraw, setHint, views } from './views.js';

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ACTIONS = { undo, redo, mirror, invert, clear };
const FREEHAND = ['brush', 'erase'];
const ROUND = ['brush', 'erase', 'line'];
const TWO_POINTS = ['line', 'box', 'oval'];
const surface = boxOf('photo');
const paintCanvas = $('canvas.paint', views.photo);
const stroke = { from: null, last: null, before: null };
let cursor = [0, 0];

/** Shows the drawing over the photo. */
export function showDrawing() {
  if (paintCanvas.width !== mask.width || paintCanvas.height !== mask.height) return;
  const pen = paintCanvas.getContext('2d');
  pen.clearRect(0, 0, mask.width, mask.height);
  if (!painting.on) return;
  pen.drawImage(maskLayer, 0, 0);
  if (document.activeElement !== paintCanvas) return;
  pen.strokeStyle = '#fff';
  pen.beginPath();
  pen.arc(...cursor, ROUND.includes(painting.tool) ? Number(option('size').value) : 5, 0, 7);
  pen.stroke();
}

function send() {
  gradio.props.value = { drawing: encode() };
  toolButton('undo').disabled = !mask.undone.length;
  toolButton('redo').disabled = !mask.redone.length;
  showDrawing();
  gradio.trigger('drawn');
}

/** Shows a drawing that the server kept for the visitor. */
export async function restoreDrawing(uri) {
  await decode(uri);
  gradio.props.value = { drawing: uri };
}

export function selectTool(name) {
  cancel();
  painting.tool = name;
  painting.on = painting.allowed && name !== 'view';
  root.dataset.tool = painting.on ? name : 'view';
  paintCanvas.tabIndex = painting.on ? 0 : -1;
  if (painting.on) enlarge('photo');
  setHint('photo', t(painting.on ? 'region' : 'compare'));
  showTool(name, painting.on);
  redraw();
  showDrawing();
}

function act(name) {
  if (name === 'undo' || name === 'redo') {
    if (!ACTIONS[name]()) return;
  } else {
    remember();
    ACTIONS[name](painting.number);
  }
  if (!painting.on) selectTool('brush');
  send();
}

/** Takes another class to draw with. */
function selectClass(number) {
  if (!painting.allowed) return;
  painting.number = number;
  if (!painting.on) selectTool('brush');
  markClass();
}

function markClass() {
  if (painting.allowed) pressClass(workspace.classes[painting.number].name);
}

/** Enables or disables drawing, as the controls request, and takes the class that they name first. */
export function setDrawing(isAllowed, ink) {
  if (isAllowed !== painting.allowed || ink !== painting.ink) Object.assign(painting, { ink, number: ink });
  if (isAllowed !== painting.allowed) {
    painting.allowed = isAllowed;
    root.dataset.drawable = isAllowed ? 1 : 0;
    selectTool(isAllowed && poll.status !== 'running' ? 'brush' : 'view');
    if (!isAllowed) pressClass(null);
  }
  markClass();
  showDrawing();
}

// ---- strokes

function pointOf(event) {
  const [x, y] = positionIn(event, surface);
  return [x * mask.width, y * mask.height];
}

function begin(at) {
  remember();
  Object.assign(stroke, { from: at, last: at, before: mask.labels.slice() });
  if (painting.tool !== 'fill') move(at);
  else flood(pixelAt([at[0] / mask.width, at[1] / mask.height], mask.width, mask.height), painting.number);
}

function move(to) {
  const { tool, number } = painting;
  if (tool === 'fill') return;
  const freehand = FREEHAND.includes(tool);
  if (!freehand) mask.labels.set(stroke.before); // a shape is redrawn until the pointer is lifted
  const paint = strokes[tool === 'erase' ? 'brush' : tool];
  rasterize(tool === 'erase' ? NOTHING : number, (pen) => paint(pen, freehand ? stroke.last : stroke.from, to));
  stroke.last = to;
  showDrawing();
}

function end() {
  if (!stroke.from) return;
  stroke.from = null;
  send();
}

/** Takes back a shape that was begun. */
function cancel() {
  if (!stroke.from) return;
  stroke.from = null;
  undo();
  mask.redone.pop();
  showDrawing();
}

function addPointer() {
  surface.addEventListener('pointerdown', (event) => {
    if (!painting.on || event.button) return;
    event.preventDefault();
    surface.setPointerCapture(event.pointerId);
    begin(pointOf(event));
  });
  surface.addEventListener('pointermove', (event) => {
    if (stroke.from && event.buttons) move(pointOf(event));
  });
  for (const over of ['pointerup', 'pointercancel']) surface.addEventListener(over, end);
}

// ---- by keyboard and by numbers

function press() {
  if (TWO_POINTS.includes(painting.tool) && !stroke.from)
    begin(cursor); // one press begins a shape, the next ends it
  else if (stroke.from) end();
  else {
    begin(cursor);
    end();
  }
}

function onPaintKey(event) {
  const by = ARROWS[event.key];
  if (!painting.on || !(by || event.key === ' ' || event.key === 'Escape')) return;
  event.preventDefault();
  if (event.key === 'Escape') {
    if (stroke.from) cancel();
    else paintCanvas.blur();
    return;
  }
  if (by)
    cursor = cursor.map((value, axis) => clamp(value + by[axis] * (event.shiftKey ? 1 : 6), 0, workspace.size[axis]));
  else press();
  if (stroke.from) move(cursor);
  showDrawing();
}

function onUndoKey(event) {
  const key = event.key.toLowerCase();
  if (!painting.allowed || !(event.ctrlKey || event.metaKey) || !['z', 'y'].includes(key)) return;
  if (event.target.matches('input[type=text], input[type=number], textarea')) return;
  event.preventDefault();
  act(event.shiftKey || key === 'y' ? 'redo' : 'undo');
}

function onNumbers(event) {
  event.preventDefault();
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => Number(option(name).value));
  begin([x, y]);
  move([x + width, y + height]);
  end();
}

export function mount() {
  mountTools(selectTool, act);
  setAttributes(paintCanvas, { role: 'application', 'aria-label': t('keys') });
  addPointer();
  paintCanvas.addEventListener('keydown', onPaintKey);
  for (const change of ['focus', 'blur']) paintCanvas.addEventListener(change, showDrawing);
  document.addEventListener('keydown', onUndoKey);
  options.addEventListener('submit', onNumbers);
  legend.addEventListener('click', (event) => {
    const item = event.target.closest('li');
    if (item) selectClass([...legend.children].indexOf(item));
  });
  onWorkspace(() => {
    cursor = workspace.size.map((side) => side / 2);
    gradio.props.value = { drawing: null }; // its classes are those of the network before
    if (painting.allowed) setDrawing(false, 0);
  });
  selectTool('view');
}
