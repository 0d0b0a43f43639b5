// The guided story, on the live page: a card with a question; the stage shows what it is about. It can be left at any time.
const story = { at: -1, guessed: false };
const told = $('.u-story');
const tour = document.getElementById('u-tour');
const tell = (key, values = {}) => fill(facts.story.words[key], values);
const fill = (words2, values) => words2.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '–');
const WORD = 0, HIDE = () => world.ready.findIndex(card => card.hides);

if (tour) {
  tour.textContent = tell('tour');
  tour.addEventListener('click', () => { quiet(); turnPage(0); });
  onWorld(() => { tour.hidden = !world.ready.length; });
}
const ACTS = {
  clean: () => { setMode('photo', 'wipe'); setMode('seen', 'labels'); trigger('view', { kind: 'scene', number: 0 }); },
  noise: async () => { setMode('photo', 'wipe'); await loaded(WORD); toStrength(1); setWipe(0); },
  weak: async () => { await loaded(WORD); toStrength(0); setWipe(0); },
  difference: () => setMode('photo', 'difference'),
  hide: async () => { setMode('seen', 'labels'); await loaded(HIDE()); toStrength(1); setWipe(.5); },
  changed: () => setMode('seen', 'changed'),
};
async function loaded(number) { // one of the ready noises, unless it is there already
  if (number < 0 || story.number === number) return;
  story.number = number;
  turn('strip');
  const before = stats.looks;
  trigger('noise', { number });
  for (let tries = 0; tries < 200 && stats.looks === before; tries++) await pause(100);
}
function values() {
  const card = world.ready[story.number] || {};
  const pixels = world.size[0] * world.size[1];
  return {
    classes: world.classes.length, pixels: grouped(pixels), thousands: Math.round(pixels / 1000), epsilon: card.epsilon,
    success: whole(card.success), noise: whole(card.noise),
  };
}
async function turnPage(number) {
  if (number >= facts.story.steps.length) { leave(); document.getElementById('u-start').focus(); return; }
  Object.assign(story, { at: number, guessed: false });
  const step2 = facts.story.steps[number];
  page(step2, null);
  told.hidden = false;
  $('button', told).focus();
  await ACTS[step2.do]();
  if (story.at === number && !story.guessed) page(step2, null);
}
function page(step2, guess) {
  const { title, text: body, question, answers, reveal } = step2, right = rightOf(step2), count = facts.story.steps.length;
  const parts = ['u-count', 'u-title', '', 'u-question'].map(name => make('p', name));
  [tell('of', { number: story.at + 1, count }), title, fill(body, values()), question].forEach((line2, at) => { parts[at].textContent = line2; });
  const choices = make('div', 'u-answers');
  choices.setAttribute('role', 'group');
  choices.setAttribute('aria-label', tell('guess'));
  choices.append(...answers.map((answer, at) => {
    const each = button('', fill(answer, values()), () => guessed(step2, at));
    each.disabled = guess != null;
    if (guess != null) each.dataset.mark = at === right ? 'right' : at === guess ? 'wrong' : '';
    return each;
  }));
  const foot = make('div', 'u-foot');
  if (guess != null) {
    const said = make('p', 'u-reveal');
    said.setAttribute('role', 'status');
    said.textContent = tell(guess === right ? 'right' : 'wrong') + ' ' + fill(reveal, values());
    choices.after(said);
    foot.append(button('u-solid', tell(story.at + 1 === count ? 'finish' : 'next'), () => turnPage(story.at + 1)));
    parts.push(choices, said);
  } else parts.push(choices);
  foot.append(button('', tell('leave'), leave));
  told.replaceChildren(...parts, foot);
}
function rightOf({ right, shares }) { // where it was measured, the figure decides
  const left = 1 - (world.ready[story.number] || {}).success;
  return shares.length ? shares.reduce((best, share, at) => (Math.abs(share - left) < Math.abs(shares[best] - left) ? at : best), 0) : right;
}
async function guessed(step2, at) {
  story.guessed = true;
  page(step2, at);
  $('.u-solid', told).focus();
  await ACTS[step2.then]();
}
function leave() {
  told.hidden = true;
  story.at = -1;
  story.number = null;
  for (const [id, [first]] of Object.entries(MODES)) setMode(id, first);
  for (const choice of $$('.u-mode')) choice.selectedIndex = 0;
  if (look.strength !== 1) toStrength(1);
  tour?.focus();
}
told.addEventListener('keydown', event => { if (event.key === 'Escape') leave(); });
