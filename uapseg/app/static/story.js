// The guided story, on the live page: a card with a question; the stage shows what it is about. It can be left at any time.
import { setWipe } from './compare.js';
import {
  $,
  $$,
  button,
  byId,
  facts,
  gallery,
  gradio,
  images,
  make,
  metrics,
  onWorkspace,
  painting,
  pause,
  poll,
  request,
  root,
  setAttributes,
  workspace,
} from './context.js';
import { showTab } from './gallery.js';
import { setDefence, setLive, setStrength } from './history.js';
import { fillIn, group, percent } from './numbers.js';
import { selectTool } from './pointer.js';
import { stopRecorded } from './recorded.js';
import { resetModes, setMode } from './views.js';

const { steps, words } = facts.story;
const WORD = 0;
const ACTIVE = ['running', 'waiting'];
const DEFENCE = 'JPEG 75';
const MAX_TRIES = 900; // tenths of a second, on a busy machine
const card = $('.u-story');
const opener = byId('u-tour');

/**
 * The step that is shown, the example that is loaded, the success without and with a defence, and the keys of the
 * runs that were in the tray before.
 */
const story = { step: -1, example: null, defence: null, kept: new Set() };

const say = (key, values) => fillIn(words[key], values);
const hidingExample = () => workspace.examples.findIndex(({ hides }) => hides);

/** Hides what a guess is about, or shows it again: see stage.css. */
const conceal = (isHidden) => root.toggleAttribute('data-concealed', isHidden);

/** What each step does on the page, before and after the guess. */
const ACTIONS = {
  clean() {
    conceal(false);
    if (painting.on) selectTool('view');
    setMode('photo', 'wipe');
    setMode('prediction', 'labels');
    gradio.trigger('view', { kind: 'scene', number: 0 });
  },
  async faint() {
    conceal(true);
    setMode('photo', 'wipe');
    await load(WORD);
    setStrength(1);
    setWipe(0);
  },
  blink() {
    setMode('photo', 'blink');
  },
  async guess() {
    conceal(true);
    setMode('photo', 'wipe');
    await load(WORD);
    setWipe(0);
  },
  reveal() {
    conceal(false);
  },
  async hide() {
    conceal(true);
    setMode('prediction', 'labels');
    await load(hidingExample());
    setStrength(1);
    setWipe(0);
  },
  changed() {
    conceal(false);
    setMode('prediction', 'changed');
  },
  async defend() {
    const before = await measure('');
    setDefence(DEFENCE);
    const after = await measure(DEFENCE);
    story.defence = { before: before.share, after: after.share, pictures: after.pictures };
  },
};

/** Loads one of the examples, unless it is there already, and waits until it is shown and measured. */
async function load(number) {
  if (number < 0 || story.example === number) return;
  story.example = number;
  showTab('held_out');
  const { updates } = metrics;
  const { frames } = images;
  gradio.trigger('example', { number });
  const isThere = () => metrics.updates > updates && images.frames > frames;
  for (let tries = 0; tries < MAX_TRIES && story.step >= 0 && !isThere(); tries++) await pause(100);
}

/** The success with a defence, and on how many pictures; neither where it could not be measured. */
async function measure(defence) {
  for (let tries = 0; tries < MAX_TRIES && story.step >= 0; tries++) {
    const { scores, pictures } = await request('measure', { token: poll.token, defence }).catch(() => ({}));
    if (scores) return { share: scores[metrics.shares[0][0]], pictures };
    await pause(100); // the server is making something else for this visitor, or the connection was lost
  }
  return {};
}

function values() {
  const { epsilon, success, noise } = workspace.examples[story.example] || {};
  const pixels = workspace.size[0] * workspace.size[1];
  return {
    classes: workspace.classes.length,
    pixels: group(pixels),
    thousands: Math.round(pixels / 1000),
    epsilon,
    success: percent(success),
    noise: percent(noise),
    hidden: percent(story.defence?.before),
    defended: percent(story.defence?.after),
    pictures: story.defence?.pictures,
  };
}

async function goTo(number) {
  if (number >= steps.length) {
    leave();
    byId('u-start').focus();
    return;
  }
  Object.assign(story, { step: number, defence: null });
  root.dataset.story = number + 1;
  byId('u-side').inert = true;
  const step = steps[number];
  const ready = ACTIONS[step.do]();
  showWaiting(step);
  card.hidden = false;
  $('button', card).focus();
  await ready;
  if (story.step !== number) return;
  const hadFocus = card.contains(document.activeElement);
  showStep(step, null);
  if (hadFocus) $('button', card).focus();
}

function answerButtons(step, guess) {
  const right = rightAnswer(step);
  const group = make('div', 'u-answers');
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', say('guess'));
  step.answers.forEach((answer, number) => {
    const each = button('', fillIn(answer, values()), () => onAnswer(step, number));
    each.disabled = guess != null;
    if (guess != null && number === right) each.dataset.mark = 'right';
    else if (guess != null && number === guess) each.dataset.mark = 'wrong';
    group.append(each);
  });
  return group;
}

function revealText(step, guess) {
  const verdict = say(guess === rightAnswer(step) ? 'right' : 'wrong');
  const reveal = make('p', 'u-reveal', `${verdict} ${fillIn(step.reveal, values())}`);
  reveal.setAttribute('role', 'status');
  return reveal;
}

function introduction(step) {
  const title = make('p', 'u-title', step.title);
  setAttributes(title, { role: 'heading', 'aria-level': 1 }); // that of the page cannot be reached meanwhile
  return [
    make('p', 'u-count', say('of', { number: story.step + 1, count: steps.length })),
    title,
    make('p', '', fillIn(step.text, values())),
  ];
}

/** Shows what a step is about, while the page is made ready for its question. */
function showWaiting(step) {
  const foot = make('div', 'u-foot');
  foot.append(button('', say('leave'), leave));
  card.replaceChildren(...introduction(step), make('p', 'u-question', say('wait')), foot);
}

/** Shows a step, and once it was answered the reveal and the way on. */
function showStep(step, guess) {
  const count = steps.length;
  const parts = [...introduction(step), make('p', 'u-question', step.question), answerButtons(step, guess)];
  const foot = make('div', 'u-foot');
  if (guess != null) {
    parts.push(revealText(step, guess));
    const label = say(story.step + 1 === count ? 'finish' : 'next');
    foot.append(button('u-solid', label, () => goTo(story.step + 1)));
  }
  foot.append(button('', say('leave'), leave));
  card.replaceChildren(...parts, foot);
}

/** The number of the right answer; where it was measured, the figure decides. */
function rightAnswer({ right, shares }) {
  if (!shares.length) return right;
  const left = story.defence
    ? story.defence.after / story.defence.before
    : 1 - workspace.examples[story.example]?.success;
  const distances = shares.map((share) => Math.abs(share - left));
  return Math.max(0, distances.indexOf(Math.min(...distances)));
}

async function onAnswer(step, number) {
  for (const each of $$('.u-answers button', card)) each.disabled = true;
  await ACTIONS[step.then](); // may measure which answer is right
  if (steps[story.step] !== step) return; // it was left meanwhile
  showStep(step, number);
  $('.u-solid', card).focus();
}

/** Starts the story; an active run is paused, and comes back at the end. */
async function begin() {
  stopRecorded();
  if (ACTIVE.includes(poll.status)) byId('u-pause').click();
  for (let tries = 0; tries < MAX_TRIES && ACTIVE.includes(poll.status); tries++) await pause(100);
  story.kept = new Set(gallery.runs.map(({ key }) => key));
  goTo(0);
}

/** Ends the story: the visitor's own run comes back, or else the controls as they were. */
function leave() {
  card.hidden = true;
  conceal(false);
  delete root.dataset.story;
  byId('u-side').inert = false;
  const ownRun = gallery.runs.find(({ key }) => !story.kept.has(key));
  if (story.example != null && ownRun) gradio.trigger('kept', { key: ownRun.key });
  else if (story.example != null) byId('u-reset').click();
  Object.assign(story, { step: -1, example: null });
  resetModes();
  setLive();
  if (painting.allowed && !painting.on) selectTool('brush');
  opener?.focus();
}

export function mount() {
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && story.step >= 0) leave();
  });
  if (!opener) return;
  opener.textContent = say('tour');
  opener.addEventListener('click', begin);
  onWorkspace(() => {
    opener.hidden = !workspace.examples.length;
  });
}
