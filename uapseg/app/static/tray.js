// The runs of this visit: one beside the current one, or two beside each other.
import { $, announce, button, gallery, gradio, make, pause, poll, request, t } from './context.js';
import { percent } from './numbers.js';

const CURRENT = 0;
const panel = make('div', 'u-pair');
let pair = [];

/** Shows a run beside the one that was chosen before it, or beside the current one. */
export async function showBeside(key) {
  const lastKey = pair.length ? pair.at(-1) : CURRENT;
  pair = [lastKey === key ? CURRENT : lastKey, key];
  let reply = {};
  for (let tries = 0; tries < 20 && !reply.pair; tries++) {
    reply = await request('pair', { token: poll.token, keys: pair });
    if (!reply.pair) await pause(150); // the server was busy with another request of this visitor
  }
  if (!reply.pair) return;
  panel.replaceChildren(...reply.pair.map(column), button('u-train', t('close_pair'), closePair));
  panel.hidden = false;
  announce(reply.pair.map(({ title, summary }) => `${title}. ${summary}`).join(' '));
}

function column({ key, title, summary, after, prediction, success }) {
  const node = make('figure');
  node.append(make('b', '', key ? title : t('current_run', { title })));
  const frame = make('div');
  for (const source of [after, prediction]) {
    const image = make('img');
    Object.assign(image, { src: source || '', alt: '', hidden: !source });
    frame.append(image);
  }
  node.append(frame, make('p', '', summary || t('none_yet')));
  if (success != null) node.append(make('p', '', t('here_share', { share: percent(success) })));
  if (key) node.append(button('u-train', t('take_up'), () => takeUp(key)));
  return node;
}

function takeUp(key) {
  closePair();
  gradio.trigger('kept', { key });
}

export function closePair() {
  pair = [];
  panel.hidden = true;
}

/** Takes the cards of the runs from an answer of the server. */
export function takeRuns(runs) {
  gallery.runs = runs;
  if (pair.some((key) => key !== CURRENT && !runs.some((run) => run.key === key))) closePair();
}

export function mount() {
  panel.hidden = true;
  $('.u-thumbs').before(panel);
}
