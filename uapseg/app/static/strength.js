// How strongly the finished perturbation is laid on: a slider for every view, and the curve of what each strength reaches.
const strength = make('label', 'u-strength', '<span></span><input type="range" min="0" max="150" step="5" value="100"><output>100 %</output>');
const slider = $('input', strength);
$('span', strength).textContent = say('strength');
$('.u-progress').prepend(strength);
slider.addEventListener('input', () => toStrength(slider.value / 100));

let charted = 'success', reaches = null;
function toStrength(share) {
  look.strength = share;
  stats.strength = share;
  slider.value = share * 100;
  $('output', strength).textContent = Math.round(share * 100) + ' %';
  draw();
  ask();
}
const charts = Object.fromEntries(['success', 'strength', 'trade'].map(name => [name, button('', say('c_' + name), () => turnChart(name))]));
for (const each of Object.values(charts)) each.setAttribute('role', 'tab');
$('.u-charts').setAttribute('role', 'tablist');
$('.u-charts').append(...Object.values(charts));
async function turnChart(name) {
  charted = name;
  $('.u-plot').dataset.chart = name;
  plot.setAttribute('aria-label', say('d_' + name));
  for (const [key, each] of Object.entries(charts)) each.setAttribute('aria-selected', key === name);
  draw();
  if (name === 'strength') await chartStrengths();
}
async function chartStrengths() { // once for each perturbation, when it is looked at
  if (!board.scores) return;
  const reply = await answer('strengths', { token: stats.token, moment: look.moment }).catch(() => ({}));
  if (reply.rows) reaches = stats.reaches = reply.rows;
  draw();
}
function drawStrengths() {
  grid(['0', '75', '150 %']);
  const keys = board.shares.map(share => share[0]);
  keys.forEach((key, number) => curve(reaches, 1.5, key, colourOf(number ? '--u-second' : '--u-accent'), number ? 1.5 : 2.5, number > 1 ? [2, 4] : []));
  upright(look.strength / 1.5 * chart.end, colourOf('--u-ink'), []);
}
turnChart('success');
