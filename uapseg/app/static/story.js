// The guided story, on the live page: a card with a question; the stage shows what it is about. It can be left at any time.
import { setWipe } from './compare.js';
import {
  $,
  $$,
  button,
  byId,
  facts,
  gradio,
  make,
  metrics,
  onWorkspace,
  pause,
  poll,
  request,
  root,
  workspace,
} from './context.js';
import { showTab } from './gallery.js';
import { setDefence, setLive, setStrength } from './history.js';
import { fillIn, group, percent } from './numbers.js';
import { stopRecorded } from './recorded.js';
import { resetModes, setMode } from './views.js';

const { steps, words } = facts.story;
const WORD = 0;
const DEFENCE = 'JPEG 75';
const card = $('.u-story');
const opener = byId('u-tour');

/**
 * The step that is shown, the example that is loaded, whether the question was answered, and the success without
 * and with a defence.
 */
const story = { step: -1, example: null, answered: false, defence: null };

const say = (key, values) => fillIn(words[key], values);
const hidingExample = () => workspace.examples.findIndex(({ hides }) => hides);

/** Hides what a guess is about, or shows it again: see stage.css. */
const conceal = (isHidden) => root.toggleAttribute('data-concealed', isHidden);

/** What each step does on the page, before and after the guess. */
const ACTIONS = {
  clean() {
    conceal(false);
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
    story.defence = { before, after: await measure(DEFENCE) };
  },
};

/** Loads one of the examples, unless it is there already. */
async function load(number) {
  if (number < 0 || story.example === number) return;
  story.example = number;
  showTab('held_out');
  const before = metrics.updates;
  gradio.trigger('example', { number });
  for (let tries = 0; tries < 200 && metrics.updates === before; tries++) await pause(100);
}

/** The success with a defence on the pictures that are shown; null where it could not be measured. */
async function measure(defence) {
  for (let tries = 0; tries < 100; tries++) {
    const { scores } = await request('measure', { token: poll.token, defence });
    if (scores) return scores[metrics.shares[0][0]];
    await pause(100); // the server is making something else for this visitor
  }
  return null;
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
  };
}

async function goTo(number) {
  if (number >= steps.length) {
    leave();
    byId('u-start').focus();
    return;
  }
  Object.assign(story, { step: number, answered: false, defence: null });
  root.dataset.story = number + 1;
  const step = steps[number];
  showStep(step, null);
  card.hidden = false;
  $('button', card).focus();
  await ACTIONS[step.do]();
  if (story.step !== number || story.answered) return;
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

/** Shows a step, and once it was answered the reveal and the way on. */
function showStep(step, guess) {
  const count = steps.length;
  const parts = [
    make('p', 'u-count', say('of', { number: story.step + 1, count })),
    make('p', 'u-title', step.title),
    make('p', '', fillIn(step.text, values())),
    make('p', 'u-question', step.question),
    answerButtons(step, guess),
  ];
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
  story.answered = true;
  for (const each of $$('.u-answers button', card)) each.disabled = true;
  await ACTIONS[step.then](); // may measure which answer is right
  if (steps[story.step] !== step) return; // it was left meanwhile
  showStep(step, number);
  $('.u-solid', card).focus();
}

/** Ends the story; what it loaded goes, so that Start begins with what the controls say. */
function leave() {
  card.hidden = true;
  conceal(false);
  delete root.dataset.story;
  if (story.example != null) byId('u-reset').click();
  Object.assign(story, { step: -1, example: null });
  resetModes();
  setLive();
  opener?.focus();
}

export function mount() {
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && story.step >= 0) leave();
  });
  if (!opener) return;
  opener.textContent = say('tour');
  opener.addEventListener('click', () => {
    stopRecorded();
    goTo(0);
  });
  onWorkspace(() => {
    opener.hidden = !workspace.examples.length;
  });
}
