// What the other scripts share. All of them run once, in one scope, when the stage is mounted.
const $ = (selector, from = element) => from.querySelector(selector);
const $$ = (selector, from = element) => [...from.querySelectorAll(selector)];
const root = $('.u-stage');
const facts = props.facts; // later updates replace the props
const say = (key, values = {}) => facts.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const grouped = number => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
const whole = share => share == null ? '–' : String(Math.round(share * 100));
const text = (key, value) => { const node = $('[data-k=' + key + ']'); if (node && node.textContent !== value) node.textContent = value; };

function make(tag, className, html) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (html) node.innerHTML = html;
  return node;
}
function button(className, label, pressed) {
  const node = make('button', className);
  node.type = 'button';
  node.textContent = label;
  node.addEventListener('click', pressed);
  return node;
}
async function answer(name, values) { // of the server; where it failed, it says why in a sentence
  const reply = await server[name](values);
  if (reply.failed) { text('state', reply.failed); $('.u-live').textContent = reply.failed; }
  return reply;
}
async function decoded(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}
function spot(event, box) { // where an event is, in shares of a box
  const edge = box.getBoundingClientRect();
  return [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height];
}

/* ---------- the network and the pictures that are shown ---------- */
let world = facts.world;
const worldly = []; // what is to be done when others are chosen
function onWorld(change) {
  worldly.push(change);
  change();
}
function setWorld(other) {
  const changed = other.key !== world.key;
  world = other;
  if (changed) for (const change of worldly) change();
  return changed;
}
