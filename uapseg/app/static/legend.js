// The classes with their colours: the palette while something is drawn; else each is highlighted where the views show it.

import { rove } from './accessibility.js';
import { $, $$, button, byId, images, listen, make, onWorkspace, painting, root, t, workspace } from './context.js';
import { shadeOthers } from './label-map.js';
import { labelPixels, views } from './views.js';

const SHADE = 190; // of what is not of the class, of 255
const HIGHLIGHTS = { photo: 'after', prediction: 'after', perturbation: 'after', target: 'target' };

export const legend = $('.u-legend');
let names = new Map();
let pinned = null;
let highlighted = null;

/** The class of a colour. */
export const nameOf = (rgb) => names.get([...rgb].join());

/** Marks a class in the legend. */
export function markClass(name) {
  for (const item of $$('li', legend)) item.classList.toggle('at', item.dataset.name === name);
}

function drawHighlight(id) {
  const canvas = $('canvas.highlight', views[id]);
  const { width, height } = canvas;
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, width, height);
  const entry = workspace.classes.find(({ name }) => name === highlighted);
  if (!entry || painting.on) return;
  const pixels = labelPixels(HIGHLIGHTS[id]);
  if (pixels.length === 4 * width * height) {
    pen.putImageData(new ImageData(shadeOthers(pixels, entry.rgb, SHADE), width, height), 0, 0);
  }
}

/** Highlights a class in every view; null for none, or the one that was pressed. */
function highlight(name) {
  const next = painting.on ? null : (name ?? pinned);
  if (next === highlighted) return;
  highlighted = next;
  markClass(highlighted);
  if (images.clean) Object.keys(HIGHLIGHTS).forEach(drawHighlight);
}

/** Presses one class, and no other; null for none. */
export function pressClass(name) {
  for (const item of $$('li', legend)) $('button', item).setAttribute('aria-pressed', item.dataset.name === name);
}

/** Keeps a class highlighted until it is pressed again. */
function pin(name) {
  pinned = pinned === name ? null : name;
  pressClass(pinned);
  highlight(pinned);
}

function legendItem({ name, rgb }) {
  const item = make('li');
  item.dataset.name = name;
  const label = button('', name, () => {
    if (!painting.allowed) pin(name);
  });
  const swatch = make('i');
  swatch.style.background = `rgb(${rgb.join()})`;
  label.setAttribute('aria-pressed', false);
  label.prepend(swatch);
  item.append(label);
  return item;
}

/** Colours beside each other, as a style sheet takes a background. */
function stripes(colours) {
  const ends = (rgb, place) =>
    `rgb(${rgb.join()}) ${(100 * place) / colours.length}% ${(100 * (place + 1)) / colours.length}%`;
  return `linear-gradient(90deg, ${colours.map(ends).join()})`;
}

/** Lights up what the pointer is over, or what has the focus, in a group of names. */
function addHover(group, nameAt) {
  const enter = ({ type, target }) => {
    if (type === 'pointerover' || target.matches(':focus-visible')) highlight(nameAt(target));
  };
  const leave = () => highlight(null);
  for (const kind of ['pointerover', 'focusin']) group.addEventListener(kind, enter);
  for (const kind of ['pointerleave', 'focusout']) group.addEventListener(kind, leave);
}

export function mount() {
  const chips = make('style'); // the colours of the classes to hide, in the controls
  root.append(chips);
  legend.setAttribute('aria-label', t('classes'));
  onWorkspace(() => {
    names = new Map(workspace.classes.map(({ rgb, name }) => [rgb.join(), name]));
    pinned = null;
    legend.replaceChildren(...workspace.classes.map(legendItem));
    legend.classList.toggle('u-many', workspace.classes.length > 24);
    const colours = [stripes(workspace.people), ...workspace.classes.map(({ rgb }) => `rgb(${rgb.join()})`)];
    const rule = (colour, place) => `#u-hide label:nth-last-of-type(${place + 1}) { --chip: ${colour} }`;
    chips.textContent = colours.toReversed().map(rule).join('\n'); // the chip "People" is not always there
  });
  rove(legend, 'button');
  addHover(legend, (node) => node.closest('li')?.dataset.name);
  for (const id of ['u-goal', 'u-source']) rove(byId(id), 'input', true); // Gradio gives each a name of its own
  rove(byId('u-hide'), 'input');
  addHover(byId('u-hide'), (node) => node.closest('label')?.textContent.trim());
  listen('redrawn', () => {
    if (highlighted) Object.keys(HIGHLIGHTS).forEach(drawHighlight);
  });
}
