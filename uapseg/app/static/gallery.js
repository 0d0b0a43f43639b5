// The pictures below: held-out ones and the visitor's own, each with its prediction, the examples, and the runs of this
// visit.
import { rove } from './accessibility.js';
import { setCaption } from './caption.js';
import {
  $,
  announce,
  button,
  emit,
  gallery,
  gradio,
  images,
  loadImage,
  make,
  metrics,
  onWorkspace,
  pause,
  poll,
  request,
  requestFrame,
  t,
  workspace,
} from './context.js';
import { defended, setShares, showMetrics } from './metrics.js';
import { group, percent } from './numbers.js';
import { choosePhotos } from './uploads.js';
import { bringIntoSight, redraw, views } from './views.js';

const tabs = Object.fromEntries(
  ['examples', 'held_out', 'own', 'runs'].map((name) => [name, button('', t(`tab_${name}`), () => showTab(name))]),
);

const MAX_OPENING_MS = 8000;
let described = null; // the number of the example under the pointer, or with the focus

export function showTab(name) {
  gallery.tab = name;
  showGallery();
  if (name === 'own') emit('poll'); // the figures of one's own photos are computed when the tab is opened
}

const SHOWN = {
  held_out: () => [workspace.held_out, gallery],
  own: () => [gallery.photos, gallery.own || {}],
  runs: () => [gallery.runs, { each: gallery.runs.map((run) => run.success) }],
  examples: () => [workspace.examples, { each: workspace.examples.map((card) => card.success) }],
};

const HEADINGS = {
  held_out: () => t('thumbs') + (metrics.here ? t('share_of', { here: metrics.here }) : ''),
  own: ownHeading,
  runs: () => t('runs_hint'),
  examples: () => (workspace.examples[described] ? describe(workspace.examples[described]) : t('examples_hint')),
};

export function showGallery() {
  for (const [name, tab] of Object.entries(tabs)) tab.setAttribute('aria-selected', name === gallery.tab);
  tabs.own.textContent = t('tab_own') + (gallery.photos.length ? ` (${gallery.photos.length})` : '');
  tabs.examples.hidden = !workspace.examples.length;
  tabs.runs.hidden = !gallery.runs.length;
  if (tabs[gallery.tab].hidden) gallery.tab = 'held_out';
  const [pictures, results] = SHOWN[gallery.tab]();
  const box = $('.u-thumbs');
  box.dataset.tab = gallery.tab;
  while (box.children.length > pictures.length) box.lastChild.remove();
  while (box.children.length < pictures.length) box.append(thumb(box.children.length));
  pictures.forEach((picture, number) => {
    fillThumb(box.children[number], picture, number, results);
  });
  $('.u-empty').hidden = gallery.tab !== 'own' || pictures.length > 0;
  setHeading();
}

function thumb(number) {
  const node = button('u-thumb', '', () => press(number));
  node.innerHTML = '<img alt="" class="photo"><img alt="" class="prediction"><b></b><em></em>';
  for (const kind of ['pointerenter', 'focus']) node.addEventListener(kind, () => describeThumb(number));
  for (const kind of ['pointerleave', 'blur']) node.addEventListener(kind, () => describeThumb(null));
  return node;
}

/** Describes an example above the examples; null describes none. */
function describeThumb(number) {
  described = number;
  setHeading();
}

function setHeading() {
  $('.u-strip h3').textContent = HEADINGS[gallery.tab]();
}

function fillThumb(node, picture, number, { each, thumbs }) {
  const share = each?.[number];
  const isExample = gallery.tab === 'examples';
  // Of an example: the prediction for the scene before and after
  $('.photo', node).src = isExample ? workspace.scene.prediction : picture.photo;
  $('em', node).textContent = picture.title ?? '';
  $('.prediction', node).src = thumbs?.[number] || picture.prediction;
  $('b', node).textContent = share == null ? '' : `${percent(share)} %`;
  const labels = {
    examples: () => describe(picture),
    runs: () => t('show_run', picture),
  };
  node.setAttribute('aria-label', labels[gallery.tab]?.() ?? pictureLabel(number, share));
}

/** The action of pressing a picture, and its share at the target. */
function pictureLabel(number, share) {
  const label = t('show', { number: number + 1 });
  return share == null ? label : `${label}: ${t('in_picture', { share: percent(share), here: metrics.here })}`;
}

function press(number) {
  if (gallery.tab !== 'runs') bringIntoSight();
  if (gallery.tab === 'examples') openExample(number);
  else if (gallery.tab === 'runs') showBeside(gallery.runs[number].key);
  else gradio.trigger('view', { kind: gallery.tab === 'own' ? 'own' : 'held_out', number });
}

/** Shows the known part of an example at once, while the server renders and measures it. */
export async function openExample(number) {
  const { title, prediction, label } = workspace.examples[number];
  emit('begin');
  Object.assign(gallery, {
    openingUntil: performance.now() + MAX_OPENING_MS,
    versionBefore: poll.perturbationVersion,
  });
  gradio.trigger('example', { number });
  const labels = await loadImage(prediction);
  if (!gallery.openingUntil) return; // the figures were quicker
  Object.assign(images, { clean: images.scene, after: images.scene, labels, perturbation: null, confidence: null });
  [images.width, images.height] = workspace.size;
  Object.assign(metrics, { scores: null, plain: t('measuring'), heading: { ...metrics.heading, caption: title } });
  setCaption(title);
  Object.assign(metrics, { curve: [], changes: [], historyPoints: [], intervals: [], baselines: {} });
  images.target = null;
  setShares([['', label, '']]);
  showMetrics();
  redraw();
}

/** The example that the address names; not after a reload, which finds the visitor's own run. */
let linked =
  performance.getEntriesByType('navigation')[0]?.type !== 'reload' &&
  new URLSearchParams(location.search).get('example');

/** Opens the example that the address names, once. */
export function openLinkedExample() {
  const number = workspace.examples.findIndex(({ file }) => file === `${linked}.png`);
  if (number < 0) return;
  linked = null;
  openExample(number);
}

/** An example in a sentence. */
function describe(card) {
  const [low, high] = card.interval || [null, null];
  const shares = { success: card.success, low, high, noise: card.noise };
  const percents = Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, percent(share)]));
  return t('card', { ...card, ...percents, gradients: group(card.image_gradients) });
}

function ownHeading() {
  if (!gallery.photos.length) return t('how');
  const [key, , name] = metrics.shares[0] || [];
  const { scores } = metrics.viewed ?? metrics;
  if (!gallery.own || !scores) return t('own_waiting');
  const sentence = t('own_and_data', { own: percent(gallery.own.scores[key]), data: percent(scores[key]), name });
  return [sentence, defended()].filter(Boolean).join(', ');
}

// ---- the visitor's own photos

function addOwnButtons() {
  const back = button('u-back', t('back'), () => gradio.trigger('view', { kind: 'scene', number: 0 }));
  $('.u-enlarge', views.photo).before(back);
  $('.u-strip header').append(
    stretchBox(),
    button('u-forget', t('forget'), () => gradio.trigger('forget')),
  );
  $('.u-empty').append(button('', t('choose_photos'), choosePhotos), make('span', '', t('none')));
}

function stretchBox() {
  const label = make('label', 'u-stretch');
  const box = make('input');
  box.type = 'checkbox';
  box.addEventListener('change', () => {
    gallery.stretch = box.checked;
    poll.ownVersion = -1;
    requestFrame();
  });
  label.append(box, t('stretch'));
  return label;
}

// ---- the runs of this visit: one beside the current one, or two beside each other

const CURRENT = 0;
const pairPanel = make('div', 'u-pair');
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
  pairPanel.replaceChildren(...reply.pair.map(column), button('u-train', t('close_pair'), closePair));
  pairPanel.hidden = false;
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
  emit('begin');
  gradio.trigger('kept', { key });
}

export function closePair() {
  pair = [];
  pairPanel.hidden = true;
}

/** Takes the cards of the runs from an answer of the server. */
export function takeRuns(runs) {
  gallery.runs = runs;
  if (pair.some((key) => key !== CURRENT && !runs.some((run) => run.key === key))) closePair();
}

export function mount() {
  for (const [name, tab] of Object.entries(tabs)) {
    tab.setAttribute('role', 'tab');
    tab.dataset.tab = name;
  }
  $('.u-tabs2').setAttribute('aria-label', t('strips'));
  $('.u-tabs2').append(...Object.values(tabs));
  rove($('.u-tabs2'), 'button', true);
  addOwnButtons();
  pairPanel.hidden = true;
  $('.u-thumbs').before(pairPanel);
  onWorkspace(() => {
    Object.assign(gallery, {
      each: null,
      thumbs: null,
      own: null,
      tab: workspace.examples.length ? 'examples' : 'held_out',
    });
    showGallery();
  });
}
