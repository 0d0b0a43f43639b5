// The figures.
const board = { shares: [], scores: null, floors: {}, curve: [], legs: [], moments: [], bands: [], banded: '', total: 0, looked: null, judged: null, here: '', reached: null };

function build(shares) {
  board.shares = shares;
  $('.u-plot .u-names').replaceChildren(...shares.map(([, , short], number) => {
    const name = make('span', number ? 'u-second' : 'u-accent');
    name.textContent = short;
    return name;
  }), make('span', 'u-axes', say('trade_axes')), banded());
  charts.trade.hidden = !TRADED.every(key => shares.some(share => share[0] === key));
  if (charts.trade.hidden && charted === 'trade') turnChart('success');
  $('.u-figures').replaceChildren(...shares.map(([key, label], number) => {
    const node = make('div', number ? 'u-figure' : 'u-figure u-first');
    node.dataset.key = key;
    node.innerHTML = '<p><b>–</b><small>%</small></p><div class="u-what"></div><div class="u-meter"><i></i><s></s></div><div class="u-floors"></div>';
    $('.u-what', node).textContent = label;
    return node;
  }));
}
function banded() {
  const name = make('span', 'u-band', say('band'));
  name.title = say('band_said');
  name.hidden = true;
  return name;
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
  const told = { pictures: board.judged || world.judged, spent: grouped(board.looked || 0), total: grouped(stats.spent) };
  const chosen = rests && board.looked && board.moments.length > 1; // of an opened file nothing was chosen here
  text('judged', chosen ? say('chosen', told) : say('judged', told) + (board.looked ? say('at', told) : ''));
  $('figcaption span', views.seen).textContent = board.reached == null ? say('point') : say('reached', { share: whole(board.reached), here: board.here });
  draw();
}
