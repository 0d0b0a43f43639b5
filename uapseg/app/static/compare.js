// The line between before and after, one for both views; and the class under the pointer.
let wipe = .2;
const lines = ['photo', 'seen'].map(id => {
  const line = make('div', 'u-wipe', '<i></i><em>' + say('before') + '</em><em>' + say('after') + '</em>');
  $('.u-fit', views[id]).append(line);
  return line;
});
const knob = $('i', lines[0]);
for (const [name, value] of Object.entries({ role: 'slider', tabindex: 0, 'aria-label': say('wipe'), 'aria-valuemin': 0, 'aria-valuemax': 100 })) knob.setAttribute(name, value);
function setWipe(share) {
  wipe = Math.min(1, Math.max(0, share));
  const cut = 'inset(0 ' + (100 - wipe * 100) + '% 0 0)';
  for (const id of ['photo', 'seen']) $('canvas.before', views[id]).style.clipPath = cut;
  for (const line of lines) {
    line.style.left = wipe * 100 + '%';
    line.dataset.edge = wipe < .14 ? 'start' : wipe > .86 ? 'end' : '';
  }
  knob.setAttribute('aria-valuenow', Math.round(wipe * 100));
}
setWipe(wipe);
knob.addEventListener('keydown', event => {
  const by = { ArrowLeft: -.02, ArrowDown: -.02, ArrowRight: .02, ArrowUp: .02, PageDown: -.2, PageUp: .2, Home: -1, End: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  setWipe(wipe + by);
});
for (const id of ['photo', 'seen']) {
  const box = $('.u-fit', views[id]);
  let dragging = false;
  box.addEventListener('pointerdown', event => {
    if (event.button || (id === 'photo' && painting)) return;
    if (views[id].closest('.u-small')) return;
    dragging = true;
    box.setPointerCapture(event.pointerId);
    setWipe(spot(event, box)[0]);
  });
  box.addEventListener('pointermove', event => { if (dragging) setWipe(spot(event, box)[0]); });
  for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, () => { dragging = false; });
}

/* ---------- the class under the pointer ---------- */
let nameOf = new Map();
onWorld(() => { nameOf = new Map(world.classes.map(each => [each.rgb.join(), each.name])); });
const tip = make('div', 'u-tip');
tip.hidden = true;
function classAt(canvas, x, y) {
  const at = [x * now.width, y * now.height].map((v, i) => Math.min(Math.max(0, Math.floor(v)), [now.width, now.height][i] - 1));
  return nameOf.get([...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3).join());
}
function sureAt(x, y) {
  if (!now.sure) return '';
  const canvas = raw.point, context = canvas.getContext('2d', { willReadFrequently: true });
  if (canvas.of !== now.sure) {
    Object.assign(canvas, { width: now.sure.width, height: now.sure.height, of: now.sure });
    context.drawImage(now.sure, 0, 0);
  }
  const [value] = context.getImageData(Math.floor(x * (canvas.width - 1)), Math.floor(y * (canvas.height - 1)), 1, 1).data;
  return say('sure_of', { share: whole(value / 255) });
}
for (const id of ['photo', 'seen']) {
  const box = $('.u-fit', views[id]);
  box.addEventListener('pointermove', event => {
    if (!now.width || (id === 'photo' && painting)) return;
    const [x, y] = spot(event, box);
    const before = classAt(raw.before, x, y), after = classAt(raw.after, x, y);
    box.append(tip);
    tip.hidden = !after;
    tip.textContent = (before === after ? after : say('became', { before, after })) + sureAt(x, y);
    tip.style.left = Math.min(.88, Math.max(.12, x)) * 100 + '%';
    tip.style.top = y * 100 + '%';
    point(x < wipe ? before : after);
  });
  box.addEventListener('pointerleave', () => { tip.hidden = true; point(null); });
}

/* ---------- legend: the classes, and while something is drawn the palette to draw with ---------- */
const legend = $('.u-legend');
const chips = make('style'); // the colours of the classes to hide, in the controls
root.append(chips);
legend.setAttribute('aria-label', say('classes'));
onWorld(() => {
  legend.replaceChildren(...world.classes.map((each, number) => {
    const item = make('li');
    const name = button('', each.name, () => dip(number));
    name.prepend(make('i'));
    $('i', name).style.background = 'rgb(' + each.rgb.join() + ')';
    item.dataset.name = each.name;
    item.append(name);
    return item;
  }));
  legend.classList.toggle('u-many', world.classes.length > 24);
  chips.textContent = world.classes.map(({ rgb }, number) => '#u-hide label:nth-of-type(' + (number + 1) + ') { --chip: rgb(' + rgb.join() + ') }').join('');
});
function point(name) {
  for (const item of $$('li', legend)) item.classList.toggle('at', item.dataset.name === name);
}
