// The curve of success, and the moments on it that can be looked at again.
const plot = $('.u-plot canvas');
const colourOf = name => getComputedStyle(root).getPropertyValue(name).trim();
const chart = { left: 0, top: 0, width: 0, height: 0, end: 1, size: 12, x: () => 0, y: () => 0, pen: null };

function draw() {
  const box = plot.getBoundingClientRect(), scale = devicePixelRatio || 1;
  if (!box.width || !board.shares.length) return;
  plot.width = box.width * scale;
  plot.height = box.height * scale;
  measure(box, scale);
  if (charted !== 'success') { ({ strength: drawStrengths, trade: drawTrade })[charted](); return; }
  grid([0, .5, 1].map(share => grouped(chart.end * share)));
  const [first, ...others] = board.shares.map(share => share[0]);
  band();
  for (const [name, word] of [['random_noise', 'random'], ['clean', 'clean']]) floor((board.floors[name] || {})[first], word);
  others.forEach((key, number) => curve(board.curve, chart.end, key, colourOf('--u-second'), 1.5, number ? [2, 4] : []));
  curve(board.curve, chart.end, first, colourOf('--u-accent'), 2.5);
  board.legs.forEach(leg);
  if (look.moment != null) upright(look.moment, colourOf('--u-ink'), []);
}
function measure(box, scale) {
  const size = box.height > 190 ? 14 : 12, left = size * 3.6, right = size * 1.2, top = size * .9, bottom = size * 1.9;
  const end = Math.max(board.total, ...board.curve.map(row => row[0]), 1);
  const width = box.width - left - right, height = box.height - top - bottom;
  const pen = plot.getContext('2d');
  pen.scale(scale, scale);
  pen.font = size + 'px ' + (colourOf('--font') || 'sans-serif');
  Object.assign(chart, { pen, size, left, top, width, height, end, x: spent => left + width * spent / end, y: share => top + height * (1 - share) });
}
function grid(labels, levels = [0, .5, 1]) {
  const { pen, left, top, width, height, size, y } = chart;
  pen.strokeStyle = colourOf('--u-line');
  pen.fillStyle = colourOf('--u-dim');
  pen.lineWidth = 1;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (const share of levels) {
    const at = Math.round(y(share)) + .5;
    trace([[left, at], [left + width, at]]);
    pen.fillText(Math.round(share * 100) + (share === 1 ? ' %' : ''), left - 8, at);
  }
  pen.textBaseline = 'alphabetic';
  labels.forEach((label, number) => {
    pen.textAlign = ['left', 'center', 'right'][number];
    pen.fillText(label, left + width * number / 2, top + height + size * 1.5);
  });
}
function trace(points, dashes = []) {
  const { pen } = chart;
  pen.setLineDash(dashes);
  pen.beginPath();
  points.forEach((point, number) => pen[number ? 'lineTo' : 'moveTo'](...point));
  pen.stroke();
  pen.setLineDash([]);
}
function floor(share, word) {
  if (share == null) return;
  const { pen, left, width, size } = chart, at = chart.y(share), clean = word === 'clean';
  pen.strokeStyle = pen.fillStyle = colourOf('--u-dim');
  trace([[left, at], [left + width, at]], clean ? [1, 4] : [4, 4]);
  if (clean && Math.abs(share - ((board.floors.random_noise || {})[board.shares[0][0]] ?? 9)) < .12) return; // one label for both
  pen.textAlign = clean ? 'left' : 'right';
  pen.fillText(say(word), clean ? left + 6 : left + width, at < 30 ? at + size * 1.1 : at - 5);
}
function band() {
  const { pen, x, y } = chart, name = $('.u-band'), colour = board.banded === board.shares[0][0] ? '--u-accent' : '--u-second';
  name.hidden = board.bands.length < 2;
  name.style.setProperty('--u-band', 'var(' + colour + ')');
  if (name.hidden) return;
  pen.fillStyle = colourOf(colour);
  pen.globalAlpha = .18;
  pen.beginPath();
  for (const [spent, , high] of board.bands) pen.lineTo(x(spent), y(high));
  for (const [spent, low] of [...board.bands].reverse()) pen.lineTo(x(spent), y(low));
  pen.fill();
  pen.globalAlpha = 1;
}
function curve(all, last, key, stroke, thickness, dashes = []) { // rows of (position up to `last`, scores)
  const rows = (all || []).filter(row => row[1][key] != null), { pen, y } = chart, x = at => chart.x(at / last * chart.end);
  if (!rows.length) return;
  pen.strokeStyle = pen.fillStyle = stroke;
  pen.lineWidth = thickness;
  pen.lineJoin = pen.lineCap = 'round';
  trace(rows.map(([at, scores]) => [x(at), y(scores[key])]), dashes);
  const [at, scores] = rows[rows.length - 1];
  pen.beginPath();
  pen.arc(x(at), y(scores[key]), thickness + .8, 0, 7);
  pen.fill();
}
function upright(spent, stroke, dashes) {
  const { pen, x, top, height } = chart;
  pen.strokeStyle = stroke;
  pen.lineWidth = 1.5;
  trace([[x(spent), top - 4], [x(spent), top + height]], dashes);
}
function leg([spent, label]) {
  const { pen, x, top, size, left, width } = chart, late = x(spent) > left + width * .75;
  upright(spent, colourOf('--u-dim'), [2, 3]);
  pen.fillStyle = colourOf('--u-dim');
  pen.textAlign = late ? 'right' : 'left';
  pen.fillText(label, x(spent) + (late ? -5 : 5), top + size * .5);
}
new ResizeObserver(draw).observe(plot);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTimeout(draw, 50));

/* ---------- the timeline: point, drag, or use the arrow keys ---------- */
const line = $('.u-timeline');
line.setAttribute('aria-label', say('timeline'));
const then = { text: make('span'), back: button('', say('back_to'), () => { trigger('back', { spent: look.moment }); toNow(); }), live: button('', say('live'), () => toNow()) };
$('.u-then').append(then.text, then.back, then.live);
const along = event => Math.min(1, Math.max(0, (spot(event, plot)[0] * plot.getBoundingClientRect().width - chart.left) / chart.width));
function nearest(event) {
  const spent = along(event) * chart.end;
  return board.moments.reduce((best, each) => (Math.abs(each - spent) < Math.abs(best - spent) ? each : best), board.moments[0]);
}
function toMoment(spent) {
  if (spent == null || spent === look.moment) return;
  look.moment = spent;
  timeline();
  ask();
}
function toNow() {
  look.moment = null;
  timeline();
  ask();
}
function timeline() {
  if (look.moment != null && !board.moments.includes(look.moment)) look.moment = null;
  const at = look.moment ?? board.moments[board.moments.length - 1] ?? 0;
  line.tabIndex = board.moments.length > 1 ? 0 : -1;
  const words2 = look.moment == null ? say('now') : say('then', { spent: grouped(at) });
  for (const [name, value] of Object.entries({ 'aria-valuemin': 0, 'aria-valuemax': Math.max(0, board.moments.length - 1), 'aria-valuenow': Math.max(0, board.moments.indexOf(at)), 'aria-valuetext': words2 })) line.setAttribute(name, value);
  then.text.textContent = words2;
  $('.u-plot').toggleAttribute('data-then', look.moment != null);
  draw();
}
let scrubbing = false;
line.addEventListener('pointerdown', event => {
  if (board.moments.length < 2) return;
  scrubbing = true;
  line.setPointerCapture(event.pointerId);
  scrub(event);
});
function scrub(event) {
  if (charted === 'strength') toStrength(Math.round(along(event) * 30) / 20);
  else toMoment(charted === 'trade' ? nearestSpot(event) : nearest(event));
}
line.addEventListener('pointermove', event => { if (scrubbing) scrub(event); });
for (const over of ['pointerup', 'pointercancel']) line.addEventListener(over, () => { scrubbing = false; });
line.addEventListener('keydown', event => {
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -99, End: 99 }[event.key];
  if (event.key === 'Escape' && look.moment != null) toNow();
  if (!by || board.moments.length < 2) return;
  event.preventDefault();
  if (charted === 'strength') { toStrength(Math.min(1.5, Math.max(0, look.strength + by * .05))); return; }
  const last = board.moments.length - 1, at = look.moment == null ? last : board.moments.indexOf(look.moment);
  if (at + by > last && look.moment != null) toNow();
  else toMoment(board.moments[Math.min(last, Math.max(0, at + by))]);
});
