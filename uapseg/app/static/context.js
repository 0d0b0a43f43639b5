// The page's component, what all parts need of it, and what the page shows, as plain objects that its parts share.
import { fillIn } from './numbers.js';

/** The component as Gradio gives it: `element`, `props`, `server`, `trigger` and `watch`. */
export let gradio;
export let root;
/** The words, the story and the first network; later updates of the component replace its props. */
export let facts;

/** Remembers the component. It comes before any other part is imported: they look for their elements at once. */
export function connect(component) {
  gradio = component;
  root = component.element.querySelector('.u-stage');
  facts = component.props.facts;
  workspace = facts.workspace;
}

export const $ = (selector, from = root) => from.querySelector(selector);
export const $$ = (selector, from = root) => [...from.querySelectorAll(selector)];
export const byId = (id) => document.getElementById(id);

/** A text of the page, by its key, with its names filled in. */
export const t = (key, values) => fillIn(facts.words[key], values);

export function setText(key, value) {
  const node = $(`[data-k=${key}]`);
  if (node && node.textContent !== value) node.textContent = value;
}

/** Says something to who cannot see the page. */
export function announce(message) {
  $('.u-live').textContent = message;
}

export function make(tag, className = '', text = '') {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

export function button(className, label, onClick) {
  const node = make('button', className, label);
  node.type = 'button';
  if (onClick) node.addEventListener('click', onClick);
  return node;
}

export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

/** An icon of one stroke, from the path in a square of 16. */
export function icon(path) {
  const holder = make('span');
  holder.innerHTML = `<svg viewBox="0 0 16 16" width="17" height="17" aria-hidden="true"><path d="${path}" fill="none"
    stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"/></svg>`;
  return holder.firstChild;
}

/** The answer of a function of the server; where it fails, the page says why in a sentence. */
export async function request(name, values) {
  const reply = await gradio.server[name](values);
  if (reply.failed) {
    setText('state', reply.failed);
    announce(reply.failed);
  }
  return reply;
}

export async function loadImage(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}

/** Where an event is, in shares of an element's width and height. */
export function positionIn(event, node) {
  const box = node.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
export const prefersLessMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

// ---- what lower parts ask of higher ones: 'frame' is answered by history.js, 'poll' by poll.js

const signals = new EventTarget();
export const emit = (name) => signals.dispatchEvent(new Event(name));
export const listen = (name, answer) => signals.addEventListener(name, answer);

/** Asks for the picture that is shown once more, as its view, strength or moment is another now. */
export const requestFrame = () => emit('frame');

// ---- the network and the pictures that are shown

export let workspace;
const workspaceListeners = [];

/** Calls a function now, and again whenever another network or other pictures are shown. */
export function onWorkspace(change) {
  workspaceListeners.push(change);
  change();
}

export function setWorkspace(other) {
  const isOther = other.key !== workspace.key;
  workspace = other;
  if (isOther) for (const change of workspaceListeners) change();
  return isOther;
}

/** The run as the server last reported it, and the state of polling. */
export const poll = {
  token: null,
  seq: -1,
  frame: -1,
  ownVersion: -1,
  turn: -1,
  status: '',
  imageGradients: 0,
  perturbationVersion: 0,
  tenth: 0,
  failures: 0,
  loop: 0,
  lag: 0,
  slow: false,
  rate: 0,
  rated: 0,
  mark: null,
};

/** The pictures that are shown, as images; `frames` counts those of the perturbation. */
export const images = {
  clean: null,
  cleanLabels: null,
  after: null,
  labels: null,
  perturbation: null,
  difference: null,
  confidence: null,
  target: null,
  scene: null,
  width: 0,
  height: 0,
  frames: 0,
};

/** How before and after are compared in each view. */
export const modes = { photo: 'wipe', prediction: 'labels', perturbation: 'amplified', factor: 10 };

/** What is viewed where it is not simply the newest frame: an earlier point of the run, another strength. */
export const history = {
  point: null,
  strength: 1,
  defence: '',
  shownPoint: null,
  shownStrength: 1,
  busy: false,
  again: false,
};

/**
 * The figures; `updates` counts how often they came, `measuredAt` the image-gradients at which they were measured.
 * `viewed` are those of an earlier point or of another strength while that is viewed, without scores as long as they
 * are being measured.
 */
export const metrics = {
  heading: {},
  plain: '',
  groups: null,
  viewed: null,
  shares: [],
  scores: null,
  baselines: {},
  curve: [],
  changes: [],
  historyPoints: [],
  intervals: [],
  intervalScore: '',
  total: 0,
  measuredAt: null,
  pictures: null,
  here: '',
  success: null,
  strengths: null,
  updates: 0,
};

/** The pictures below: which tab, and the prediction for each. */
export const gallery = {
  tab: 'held_out',
  each: null,
  thumbs: null,
  live: {},
  photos: [],
  runs: [],
  own: null,
  stretch: false,
  openingUntil: 0,
  versionBefore: 0,
};

export const painting = { on: false, allowed: false, tool: 'view', number: 0, ink: 0 };
export const camera = { stream: null, recording: false, ended: false, filming: false, enough: false, frames: 0 };
export const recorded = { frames: null, playing: false, enabled: true, imageGradients: null };

/** Whether the newest frame of the run is what is shown. */
export const isLive = () => history.point == null && history.strength === 1 && !history.defence && !camera.stream;

/** What a frame is to be: as the views are set. */
export function frameOptions() {
  const resting = ['paused', 'done'].includes(poll.status);
  return {
    slow: poll.slow,
    strength: history.strength,
    defence: history.defence,
    factor: modes.photo === 'difference' ? modes.factor : 0,
    stretch: gallery.stretch,
    spectrum: modes.perturbation === 'spectrum',
    confidence: modes.prediction === 'confidence' || resting,
  };
}
