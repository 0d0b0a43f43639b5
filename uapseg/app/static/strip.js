// The held-out pictures and the visitor's own, each with what is seen in it; a press shows one large.
const strip = { tab: 'strip', each: null, thumbs: null, live: {}, photos: [], mine: null };
const tabs = Object.fromEntries(['strip', 'mine', 'ready'].map(name => [name, button('', say(name), () => turn(name))]));
for (const [name, tab] of Object.entries(tabs)) {
  tab.setAttribute('role', 'tab');
  tab.dataset.tab = name;
}
$('.u-tabs2').setAttribute('aria-label', say('strips'));
$('.u-tabs2').append(...Object.values(tabs));

function turn(name) {
  strip.tab = name;
  thumbnails();
  if (name === 'mine') pull(stats.token); // the figures of one's own photos are made when they are looked at
}
function thumbnails() {
  const own = strip.tab === 'mine';
  for (const [name, tab] of Object.entries(tabs)) tab.setAttribute('aria-selected', name === strip.tab);
  tabs.mine.textContent = say('mine') + (strip.photos.length ? ' (' + strip.photos.length + ')' : '');
  const pictures = { strip: world.strip, mine: strip.photos, ready: world.ready }[strip.tab];
  const results = { strip, mine: strip.mine || {}, ready: { each: world.ready.map(card => card.success) } }[strip.tab];
  tabs.ready.hidden = !world.ready.length;
  const box = $('.u-thumbs');
  box.dataset.tab = strip.tab;
  while (box.children.length > pictures.length) box.lastChild.remove();
  while (box.children.length < pictures.length) box.append(thumb(box.children.length));
  pictures.forEach((each, number) => {
    const node = box.children[number], share = results.each && results.each[number];
    $('.photo', node).src = each.photo || world.scene.image;
    $('.seen', node).src = results.thumbs && results.thumbs[number] || each.seen;
    $('b', node).textContent = share == null ? '' : whole(share) + ' %';
    node.setAttribute('aria-label', strip.tab === 'ready' ? described(each) : say('show', { number: number + 1 }));
  });
  $('.u-empty').hidden = !own || pictures.length > 0;
  const said = { strip: () => say('thumbs') + (board.here ? say('counted', { here: board.here }) : ''), mine: mineSaid, ready: () => say('ready_said') };
  $('.u-strip h3').textContent = said[strip.tab]();
}
function thumb(number) {
  const node = button('u-thumb', '', () => press(number));
  node.innerHTML = '<img alt="" class="photo"><img alt="" class="seen"><b></b>';
  for (const kind of ['pointerenter', 'focus']) {
    node.addEventListener(kind, () => { if (strip.tab === 'ready') $('.u-strip h3').textContent = described(world.ready[number]); });
  }
  return node;
}
function press(number) {
  if (strip.tab === 'ready') trigger('noise', { number });
  else trigger('view', { kind: strip.tab === 'mine' ? 'own' : 'unseen', number });
}
function described({ title, label, pictures, success, interval, noise, image_gradients }) {
  const [low, high] = interval || [null, null];
  return say('card', { title, label, pictures, success: whole(success), low: whole(low), high: whole(high), noise: whole(noise), spent: grouped(image_gradients) });
}
function mineSaid() {
  if (!strip.photos.length) return '';
  const [key, , name] = board.shares[0] || [];
  if (!strip.mine || !board.scores) return say('waits');
  return say('both', { mine: whole(strip.mine.scores[key]), theirs: whole(board.scores[key]), name });
}
onWorld(() => {
  Object.assign(strip, { each: null, thumbs: null, mine: null });
  thumbnails();
});

/* ---------- photos of one's own: chosen, dropped or pasted, always through the page's own upload ---------- */
const isPicture = file => file.type.startsWith('image/');
function give(files) {
  const input = document.querySelector('#u-bring input[type=file]'), parcel = new DataTransfer();
  files.filter(isPicture).forEach(file => parcel.items.add(file));
  if (!parcel.files.length) return;
  input.files = parcel.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}
const bring = document.getElementById('u-bring'); // worked by the buttons below alone
if (bring) Object.assign(bring, { inert: true, ariaHidden: 'true' });
const choose = () => document.getElementById('u-photos').click();
const own = button('u-own', say('bring'), choose);
own.title = say('how');
const back = button('u-back', say('back'), () => trigger('view', { kind: 'scene', number: 0 }));
const forget = button('u-forget', say('forget'), () => trigger('forget'));
$('.u-enlarge', views.photo).before(own, back);
const clip = button('u-forget', say('clip'), () => document.getElementById('u-clip').click());
const stretched = make('label', 'u-stretch', '<input type="checkbox"> ');
const stretch = $('input', stretched);
stretched.append(say('stretch'));
stretch.addEventListener('change', () => { seen.mine = -1; anew(); });
$('.u-strip header').append(stretched, clip, forget);
$('.u-empty').append(button('', say('bring'), choose), make('span', '', say('none')));
$('.u-drop b').textContent = say('drop');
document.addEventListener('paste', event => give([...(event.clipboardData || {}).files || []]));
for (const kind of ['dragover', 'drop', 'dragleave']) {
  root.addEventListener(kind, event => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    $('.u-drop').hidden = kind !== 'dragover';
    if (kind === 'drop') give([...event.dataTransfer.files]);
  });
}
