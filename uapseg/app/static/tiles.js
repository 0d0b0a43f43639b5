// What each tile of the perturbation adds: a table over the perturbation, measured while a run rests.
import { $, announce, button, history, icon, listen, make, pause, poll, request, t } from './context.js';
import { showHeading } from './metrics.js';
import { strongest } from './numbers.js';
import { boxOf, enlarge, setHint, views } from './views.js';

const RETRY_MS = 300;
const points = (share) => String(Math.round(share * 100)).replace('-', '−');
const table = make('table', 'u-parts');
const toggle = button('u-attribute', '', () => (measured.key ? hide() : measure()));

/** Which perturbation is shown with its tiles, null for none, and what is said above it. */
const measured = { key: null, hint: '' };

/** Another word for each perturbation that can be looked at, or null where none rests at full strength. */
function currentKey() {
  const isWhole = history.strength === 1 && !history.defence;
  const isResting = ['paused', 'done'].includes(poll.status);
  return isResting && isWhole ? `${poll.perturbationVersion} ${history.point}` : null;
}

function hide() {
  measured.key = null;
  table.hidden = true;
  table.replaceChildren();
  toggle.setAttribute('aria-pressed', false);
  showHeading(); // the hint as it was
}

/** Hides what was measured of a perturbation that is no longer the one that is shown. */
function follow() {
  const key = currentKey();
  toggle.hidden = key === null;
  if (measured.key && measured.key !== key) hide();
  else if (measured.hint && measured.key) setHint('perturbation', measured.hint); // a new heading has replaced it
}

async function measure() {
  const key = currentKey();
  Object.assign(measured, { key, hint: '' });
  toggle.setAttribute('aria-pressed', true);
  table.hidden = false;
  enlarge('perturbation');
  while (measured.key === key) {
    const reply = await request('attribute', { token: poll.token, history_point: history.point }).catch(() => ({}));
    if (measured.key !== key) return;
    if (reply.failed) hide();
    else if (!reply.lost) await pause(RETRY_MS);
    else if (show(reply)) return;
  }
}

function say(hint) {
  measured.hint = hint;
  setHint('perturbation', hint);
}

/** Shows the tiles measured so far; returns whether these are all. */
function show({ lost, success, rows, columns, pictures }) {
  const total = rows * columns;
  const largest = Math.max(...lost, 0.01);
  const cell = (number) => {
    const node = make('td', '', number < lost.length ? points(lost[number]) : '');
    node.style.setProperty('--share', Math.max(0, (lost[number] ?? 0) / largest));
    return node;
  };
  const row = (_, at) => {
    const node = make('tr');
    node.append(...Array.from({ length: columns }, (__, column) => cell(at * columns + column)));
    return node;
  };
  table.replaceChildren(make('caption', '', t('d_tiles', { pictures })), ...Array.from({ length: rows }, row));
  const share = points(success);
  if (lost.length < total) {
    say(t('tiles_busy', { number: lost.length + 1, total }));
    return false;
  }
  const maximum = strongest(lost, columns);
  say(t('tiles_hint', { share }));
  announce(t('tiles_most', { row: maximum.row, column: maximum.column, points: points(maximum.value), share }));
  return true;
}

export function mount() {
  table.hidden = true;
  boxOf('perturbation').append(table);
  toggle.append(icon('M2 2h12v12H2ZM6 2v12M10 2v12M2 8h12'), make('em', '', t('tiles')));
  toggle.title = t('tiles');
  toggle.setAttribute('aria-label', t('tiles'));
  toggle.setAttribute('aria-pressed', false);
  $('figcaption .u-enlarge', views.perturbation).before(toggle);
  for (const signal of ['redrawn', 'status', 'frame']) listen(signal, follow);
  follow();
}
