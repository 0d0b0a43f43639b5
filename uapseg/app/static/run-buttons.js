// Start, Pause and a single step, above the pictures.
import { $, button, byId, icon, listen, make, pause, poll, t } from './context.js';
import { bringIntoSight } from './views.js';

const PATHS = { play: 'M4.500 3v10l8.500-5Z', pause: 'M5 3v10M11 3v10', step: 'M3.500 3v10l6.500-5ZM12.500 3v10' };
const ACTIVE = ['waiting', 'running'];
const PATIENCE_MS = 30_000;
const START_MS = 5_000;
const isActive = () => ACTIVE.includes(poll.status);
const buttons = { play: button('', '', startOrPause), step: button('', '', step) };

/** Starts, resumes or pauses the run, as the button of the controls does. */
export function startOrPause() {
  byId(byId('u-pause')?.checkVisibility() ? 'u-pause' : 'u-start')?.click();
}

/** Resumes until a step is done, and pauses. */
async function step() {
  if (isActive()) return;
  const start = poll.imageGradients;
  const startBy = performance.now() + START_MS;
  let deadline = performance.now() + PATIENCE_MS;
  byId('u-start').click();
  while (performance.now() < deadline && !(isActive() && poll.imageGradients > start && byId('u-pause'))) {
    if (!isActive() && performance.now() > startBy) return; // Start was refused
    if (poll.status === 'waiting') deadline = performance.now() + PATIENCE_MS;
    await pause(30);
  }
  byId('u-pause')?.click();
}

function show() {
  const label = byId(isActive() ? 'u-pause' : 'u-start')?.textContent; // only one of them is on the page at a time
  if (label && buttons.play.title !== label) {
    buttons.play.replaceChildren(icon(PATHS[isActive() ? 'pause' : 'play']));
    buttons.play.title = label;
    buttons.play.setAttribute('aria-label', label);
  }
  buttons.step.disabled = isActive();
}

export function mount() {
  const group = make('span', 'u-run');
  buttons.step.append(icon(PATHS.step));
  buttons.step.title = t('step');
  buttons.step.setAttribute('aria-label', t('step'));
  group.append(buttons.play, buttons.step);
  $('.u-used').prepend(group);
  listen('status', show);
  byId('u-go').addEventListener('click', ({ target }) => {
    if (target.closest('#u-start')) bringIntoSight();
  });
  new MutationObserver(show).observe(byId('u-go'), { subtree: true, childList: true, characterData: true });
  show();
}
