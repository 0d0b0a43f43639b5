// The figures, the curve and the held-out strip.
const colour = name => getComputedStyle(root).getPropertyValue(name).trim();
const whole = share => share == null ? '–' : String(Math.round(share * 100));
const text = (key, value) => { const node = $('[data-k=' + key + ']'); if (node && node.textContent !== value) node.textContent = value; };
const grouped = number => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f');

const board = { shares: [], scores: null, floors: {}, curve: [], total: 0, looked: null, here: '', reached: null };

function build(shares) {
  board.shares = shares;
  $('.u-plot figcaption').replaceChildren(make('b', '', say('curve')), ...shares.map(([, , short], number) => {
    const name = make('span', number ? 'u-second' : 'u-accent');
    name.textContent = short;
    return name;
  }));
  $('.u-figures').replaceChildren(...shares.map(([key, label], number) => {
    const node = make('div', number ? 'u-figure' : 'u-figure u-first');
    node.dataset.key = key;
    node.innerHTML = '<p><b>–</b><small>%</small></p><div class="u-what"></div><div class="u-meter"><i></i><s></s></div><div class="u-floors"></div>';
    $('.u-what', node).textContent = label;
    return node;
  }));
}
function figures() {
  for (const node of $$('.u-figure')) {
    const key = node.dataset.key, share = board.scores && board.scores[key];
    const noise = (board.floors.random_noise || {})[key], clean = (board.floors.clean || {})[key];
    $('b', node).textContent = whole(share);
    $('p', node).toggleAttribute('data-none', share == null);
    $('i', node).style.width = (share || 0) * 100 + '%';
    $('s', node).style.left = (noise || 0) * 100 + '%';
    $('s', node).hidden = noise == null;
    $('.u-floors', node).textContent = noise == null ? '\u00a0' : say('floors', { noise: whole(noise), clean: whole(clean) });
  }
  const rests = ['paused', 'done'].includes(root.dataset.status);
  const when = board.looked ? say(rests ? 'best' : 'at', { spent: grouped(board.looked) }) : '';
  text('judged', say('judged', { pictures: facts.judged }) + when);
  $('figcaption span', views.seen).textContent = board.reached == null ? say('point') : say('reached', { share: whole(board.reached), here: board.here });
  draw();
}

/* ---------- curve ---------- */
const plot = $('.u-plot canvas');
function draw() {
  const box = plot.getBoundingClientRect(), scale = devicePixelRatio || 1;
  if (!box.width || !board.shares.length) return;
  plot.width = box.width * scale;
  plot.height = box.height * scale;
  const pen2 = plot.getContext('2d');
  pen2.scale(scale, scale);
  const size = box.height > 190 ? 14 : 12;
  pen2.font = size + 'px ' + (colour('--font') || 'sans-serif');
  const left = size * 3.6, right = size * 1.2, top = size * .8, bottom = size * 1.9;
  const width = box.width - left - right, height = box.height - top - bottom;
  const end = Math.max(board.total, ...board.curve.map(row => row[0]), 1);
  const x = spent => left + width * spent / end, y = share => top + height * (1 - share);
  grid(pen2, { left, width, top, height, end, x, y, size });
  const [first, ...others] = board.shares.map(share => share[0]);
  const noise = (board.floors.random_noise || {})[first];
  if (noise != null) dashed(pen2, left, width, y(noise), size);
  others.forEach((key, number) => curve(pen2, key, x, y, colour('--u-second'), 1.5, number ? [2, 4] : []));
  curve(pen2, first, x, y, colour('--u-accent'), 2.5);
}
function grid(pen2, { left, width, top, height, end, x, y, size }) {
  pen2.strokeStyle = colour('--u-line');
  pen2.fillStyle = colour('--u-dim');
  pen2.lineWidth = 1;
  pen2.textBaseline = 'middle';
  pen2.textAlign = 'right';
  for (const share of [0, .5, 1]) {
    const at = Math.round(y(share)) + .5;
    pen2.beginPath();
    pen2.moveTo(left, at);
    pen2.lineTo(left + width, at);
    pen2.stroke();
    pen2.fillText(share * 100 + (share === 1 ? ' %' : ''), left - 8, at);
  }
  pen2.textBaseline = 'alphabetic';
  for (const [share, align] of [[0, 'left'], [.5, 'center'], [1, 'right']]) {
    pen2.textAlign = align;
    pen2.fillText(grouped(end * share), x(end * share), top + height + size * 1.5);
  }
}
function dashed(pen2, left, width, at, size) {
  pen2.save();
  pen2.setLineDash([4, 4]);
  pen2.strokeStyle = pen2.fillStyle = colour('--u-dim');
  pen2.beginPath();
  pen2.moveTo(left, at);
  pen2.lineTo(left + width, at);
  pen2.stroke();
  pen2.textAlign = 'right';
  pen2.fillText(say('random'), left + width, at < 30 ? at + size * 1.1 : at - 5);
  pen2.restore();
}
function curve(pen2, key, x, y, stroke2, thickness, dashes = []) {
  const rows = board.curve.filter(row => row[1][key] != null);
  if (!rows.length) return;
  pen2.strokeStyle = pen2.fillStyle = stroke2;
  pen2.lineWidth = thickness;
  pen2.setLineDash(dashes);
  pen2.lineJoin = pen2.lineCap = 'round';
  pen2.beginPath();
  rows.forEach((row, number) => pen2[number ? 'lineTo' : 'moveTo'](x(row[0]), y(row[1][key])));
  pen2.stroke();
  pen2.setLineDash([]);
  const last = rows[rows.length - 1];
  pen2.beginPath();
  pen2.arc(x(last[0]), y(last[1][key]), thickness + .8, 0, 7);
  pen2.fill();
}
new ResizeObserver(draw).observe(plot);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTimeout(draw, 50));

/* ---------- held-out strip ---------- */
$('.u-thumbs').replaceChildren(...facts.strip.map(each => {
  const node = make('figure', 'u-thumb', '<img alt="" class="photo"><img alt="" class="seen"><b></b>');
  $('.photo', node).src = each.photo;
  $('.seen', node).src = each.seen;
  return node;
}));
function strip(thumbs, each) {
  $$('.u-thumb').forEach((node, number) => {
    $('.seen', node).src = thumbs ? thumbs[number] : facts.strip[number].seen;
    const share = each && each[number];
    $('b', node).textContent = share == null ? '' : whole(share) + ' %';
  });
}
