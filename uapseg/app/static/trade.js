// The trade-off of hiding: at every look, how much of the other objects is kept over how much is hidden.
const TRADED = ['hidden', 'kept_objects'];
const POINT = 2.5, NEWEST = 5;
const traded = scores => (scores && TRADED.every(key => scores[key] != null) ? TRADED.map(key => scores[key]) : null);
const spots = () => board.curve.map(([spent, scores]) => [spent, traded(scores)]).filter(row => row[1]);

function drawTrade() {
  const rows = spots(), noise = traded(board.floors.random_noise), { left, top, width, height } = chart;
  const low = Math.floor(Math.min(.9, ...[...rows.map(row => row[1]), ...(noise ? [noise] : [])].map(([, kept]) => kept)) * 10) / 10;
  Object.assign(chart, { end: 1, x: share => left + width * share, y: share => top + height * (1 - share) / (1 - low) });
  grid(['0', '50', say('trade_end')], [low, (1 + low) / 2, 1]);
  chart.pen.strokeStyle = colourOf('--u-second');
  trace(rows.map(([, [hidden, kept]]) => [chart.x(hidden), chart.y(kept)]));
  if (noise) dot(noise, '--u-dim', NEWEST - 1, { hollow: true, word: say('random') });
  rows.forEach(([, share]) => dot(share, '--u-second', POINT));
  const last = rows[rows.length - 1], then2 = rows.find(([spent]) => spent === look.moment);
  if (last) dot(last[1], '--u-accent', NEWEST);
  if (then2) dot(then2[1], '--u-ink', NEWEST + 3, { hollow: true });
  stats.traded = last ? last[1] : null;
}
function dot([hidden, kept], colour, radius, { hollow = false, word = '' } = {}) {
  const { pen, x, y, size } = chart;
  pen.strokeStyle = pen.fillStyle = colourOf(colour);
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x(hidden), y(kept), radius, 0, 7);
  pen[hollow ? 'stroke' : 'fill']();
  const late = hidden > .75;
  pen.textAlign = late ? 'right' : 'left';
  pen.fillText(word, x(hidden) + (late ? -1 : 1) * (radius + 5), y(kept) + size * 1.2);
}
function nearestSpot(event) { // the moment whose point is nearest
  const box = plot.getBoundingClientRect(), [across, down] = spot(event, plot);
  const far = ([, [hidden, kept]]) => Math.hypot(chart.x(hidden) - across * box.width, chart.y(kept) - down * box.height);
  const rows = spots().filter(([spent]) => board.moments.includes(spent));
  return rows.sort((a, b) => far(a) - far(b)).map(([spent]) => spent)[0];
}
