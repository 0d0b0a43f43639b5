// The figures above the pictures, and the sentences about them.

import { drawChart, offerTrade, tradedScores } from './charts.js';
import { $, $$, make, root, setText, t, workspace } from './context.js';
import { group, percent } from './format.js';
import { history, metrics, poll } from './state.js';
import { setHint } from './views.js';

const FIGURE = `<p><b>–</b><small>%</small></p><div class="u-what"></div><div class="u-meter"><i></i><s></s></div>
  <div class="u-baselines"></div>`;

/** What is shown of the run: the newest figures, or those of the history point or strength that is viewed. */
const current = () => ({ ...metrics, ...metrics.viewed });

/** Sets what a run is called and which shares it has: rows of (key, label, short label). */
export function showHeading() {
  const { caption, shares, amplified } = metrics.viewed?.heading ?? metrics.heading;
  setText('caption', caption || '');
  if (shares) setShares(shares);
  setHint('perturbation', amplified ? `× ${amplified}` : '');
}

export function setShares(shares) {
  if (JSON.stringify(shares) === JSON.stringify(metrics.shares)) return;
  metrics.shares = shares;
  const names = shares.map(([, , short], number) => make('span', number ? 'u-second' : 'u-accent', short));
  $('.u-plot .u-names').replaceChildren(...names, make('span', 'u-axes', t('trade_axes')), intervalName());
  $('.u-figures').replaceChildren(...shares.map(figure));
  offerTrade(tradedScores().every((key) => shares.some(([name]) => name === key)));
}

function figure([key, label], number) {
  const node = make('div', number ? 'u-figure' : 'u-figure u-first');
  node.dataset.key = key;
  node.innerHTML = FIGURE;
  $('.u-what', node).textContent = label;
  return node;
}

function intervalName() {
  const name = make('span', 'u-interval', t('interval'));
  name.title = t('interval_hint');
  name.hidden = true;
  return name;
}

function fillFigure(node) {
  const { key } = node.dataset;
  const { scores, baselines } = current();
  const share = scores?.[key];
  const [random, clean] = ['random_noise', 'clean'].map((name) => baselines[name]?.[key]);
  const counted = root.hasAttribute('data-count') && node.matches('.u-first') && !metrics.viewed && metrics.groups;
  $('b', node).textContent = counted ? counted[0] : percent(share);
  $('small', node).textContent = counted ? t('of', { whole: counted[1] }) : '%';
  $('p', node).toggleAttribute('data-none', share == null);
  $('i', node).style.width = `${(share || 0) * 100}%`;
  $('s', node).style.left = `${(random || 0) * 100}%`;
  $('s', node).hidden = random == null;
  const shares = { noise: percent(random), clean: percent(clean) };
  $('.u-baselines', node).textContent = random == null ? '\u00a0' : t('baselines', shares);
}

function measuredText() {
  const values = {
    pictures: current().pictures || workspace.pictures,
    gradients: group(current().measuredAt || 0),
    total: group(poll.imageGradients),
  };
  const isResting = ['paused', 'done'].includes(poll.status);
  // Of an opened file nothing was chosen here
  if (isResting && !metrics.viewed && metrics.measuredAt && metrics.historyPoints.length > 1)
    return t('chosen', values);
  return t('pictures', values) + (current().measuredAt ? t('at', values) : '');
}

/** What is viewed instead of the newest figures, in words. */
function viewedText() {
  if (!metrics.viewed) return '';
  const strength = t('at_strength', { strength: percent(history.strength) });
  if (history.point == null) return strength;
  const point = t('at_point', { gradients: group(history.point) });
  return history.strength === 1 ? point : `${point}, ${strength}`;
}

export function showMetrics() {
  for (const node of $$('.u-figure')) fillFigure(node);
  const { scores } = current();
  const isMeasuring = !scores && (Boolean(metrics.viewed) || poll.status === 'running');
  root.toggleAttribute('data-measuring', isMeasuring);
  setText('plain', isMeasuring ? t('measuring') : viewedText() || metrics.plain);
  setText('pictures', measuredText());
  const { success, here } = metrics;
  setHint('prediction', success == null ? t('point') : t('in_picture', { share: percent(success), here }));
  drawChart();
}
