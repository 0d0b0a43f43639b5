// The tools to draw with: what the toolbar shows, and what each tool does. `hand.js` moves them.
const PATHS = {
  look: 'M1.500 8s2.500-4.500 6.500-4.500S14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8ZM8 6.200a1.800 1.800 0 1 0 0 3.600 1.800 1.800 0 0 0 0-3.600Z',
  brush: 'M13.500 2.500 7 9M5.500 9.500c-2 0-1.500 2.500-3.500 3.500 3 1 5.500 0 5.500-2 0-.8-.8-1.500-2-1.500Z',
  erase: 'm2.500 10 6.500-6.500a1.400 1.400 0 0 1 2 0l2 2a1.400 1.400 0 0 1 0 2L8 12.500H5ZM5.500 7l4 4',
  fill: 'm3 9 5-5 5 5-5 5ZM6.500 2.500 8 4M14 11.500c-1 1.500-1 2.500 0 2.500s1-1 0-2.500Z',
  line: 'M2.500 13.500 13.500 2.500',
  box: 'M2.500 3.500h11v9h-11Z',
  oval: 'M8 3.500c3.500 0 5.500 2 5.500 4.500s-2 4.500-5.500 4.500S2.500 10.500 2.500 8 4.500 3.500 8 3.500Z',
  type: 'M3 4.500v-1.500h10v1.500M8 3v10M6 13h4',
  stamp: 'M2.500 2.500h11v11h-11ZM2.500 11l3.500-4 3 3 2-2 2.500 3',
  undo: 'M5.500 3 2.500 6l3 3M2.500 6h7a3.500 3.500 0 0 1 0 7H6',
  redo: 'm10.500 3 3 3-3 3M13.500 6h-7a3.500 3.500 0 0 0 0 7H10',
  mirror: 'M8 2v12M6 4.500 2 11.500h4ZM10 4.500l4 7h-4Z',
  invert: 'M8 2.500a5.500 5.500 0 1 0 0 11ZM8 2.500a5.500 5.500 0 0 1 0 11',
  clear: 'M3 4.500h10M6.500 4.500V3h3v1.500M4.500 4.500l.5 9h6l.5-9',
};
const TOOLS = ['look', 'brush', 'erase', 'fill', 'line', 'box', 'oval', 'type', 'stamp'];
const ACTIONS = ['undo', 'redo', 'mirror', 'invert', 'clear'];
const OPTIONS = { size: ['brush', 'erase', 'line', 'fill'], letters: ['type'], scale: ['type', 'stamp'], file: ['stamp'], numbers: ['box', 'oval', 'line'] };

const tools = make('div', 'u-tools');
tools.innerHTML = '<div role="toolbar"></div><form hidden></form>';
const bar = $('[role=toolbar]', tools), options = $('form', tools);
bar.setAttribute('aria-label', say('tools'));
bar.append(...[...TOOLS, ...ACTIONS].map(name => {
  const each = button('', '', () => (TOOLS.includes(name) ? pick(name) : act(name)));
  each.innerHTML = '<svg viewBox="0 0 16 16" width="17" height="17" aria-hidden="true"><path d="' + PATHS[name] + '" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"/></svg>';
  each.dataset.tool = name;
  each.title = say(name);
  each.setAttribute('aria-label', say(name));
  return each;
}));
bar.children[TOOLS.length].before(make('hr'));
options.innerHTML = '<label data-option="size">' + say('size') + '<input type="range" name="size" min="1" max="60" value="14"></label>'
  + '<label data-option="letters">' + say('letters') + '<input type="text" name="letters" maxlength="40" value="foo"></label>'
  + '<label data-option="scale">' + say('scale') + '<input type="range" name="scale" min="5" max="150" value="60"></label>'
  + '<label data-option="file" class="u-file">' + say('file') + '<input type="file" name="file" accept="image/*"></label>'
  + '<fieldset data-option="numbers">' + ['x', 'y', 'width', 'height'].map(name => '<label>' + say('n_' + name) + '<input type="number" name="' + name + '"></label>').join('')
  + '<button>' + say('add') + '</button></fieldset>';
$('.u-frame', views.photo).before(tools);
const option = name => options.elements[name];
onWorld(() => {
  const [width, height] = world.size;
  for (const [name, value] of Object.entries({ x: width / 4, y: height / 4, width: width / 2, height: height / 2 })) option(name).value = Math.round(value);
});

/* ---------- what each tool paints, between two points in pixels ---------- */
const strokes = {
  brush(pen, from, to) {
    pen.lineWidth = option('size').value * 2;
    pen.lineCap = 'round';
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0] + .01, to[1]);
    pen.stroke();
  },
  line(pen, from, to) { strokes.brush(pen, from, to); },
  box(pen, from, to) {
    const [left, top] = [0, 1].map(axis => Math.round(Math.min(from[axis], to[axis])));
    pen.fillRect(left, top, Math.round(Math.max(from[0], to[0])) - left, Math.round(Math.max(from[1], to[1])) - top);
  },
  oval(pen, from, to) {
    pen.beginPath();
    pen.ellipse((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, Math.abs(to[0] - from[0]) / 2, Math.abs(to[1] - from[1]) / 2, 0, 0, 7);
    pen.fill();
  },
  type(pen, from, to) {
    const wanted = paper.width * option('scale').value / 100, letters = option('letters').value.trim();
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.font = '700 100px ' + getComputedStyle(root).fontFamily;
    pen.font = '700 ' + 100 * wanted / Math.max(1, pen.measureText(letters).width) + 'px ' + getComputedStyle(root).fontFamily;
    pen.fillText(letters, ...to);
  },
  stamp(pen, from, to) {
    if (!stencil) return;
    const width = paper.width * option('scale').value / 100, height = width * stencil.height / stencil.width;
    pen.drawImage(stencil, to[0] - width / 2, to[1] - height / 2, width, height);
  },
};

/* ---------- an uploaded mask: what differs from the majority of its border, as in `uapseg.targets.drawing.read_mask` ---------- */
let stencil = null;
option('file').addEventListener('change', async event => {
  const [file] = event.target.files;
  if (!file) return;
  stencil = await stencilOf(await decoded(URL.createObjectURL(file)).catch(() => null));
  $('.u-live').textContent = say(stencil ? 'stencil' : 'unread');
});
function stencilOf(image) {
  if (!image) return null;
  const canvas = make('canvas'), share = Math.min(1, 1024 / Math.max(image.width, image.height));
  canvas.width = Math.max(1, image.width * share);
  canvas.height = Math.max(1, image.height * share);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height), { data } = picture, { width, height } = canvas;
  const values = (from => Array.from({ length: width * height }, (_, at) => from(at * 4)));
  const alphas = values(at => data[at + 3]);
  const tones = alphas.some(alpha => alpha !== alphas[0]) ? alphas : values(at => .3 * data[at] + .59 * data[at + 1] + .11 * data[at + 2]);
  const [low, high] = tones.reduce(([least, most], tone) => [Math.min(least, tone), Math.max(most, tone)], [255, 0]);
  const light = tones.map(tone => tone > (low + high) / 2);
  const border = light.filter((_, at) => at < width || at >= width * (height - 1) || at % width === 0 || at % width === width - 1);
  const ground = border.filter(Boolean).length > border.length / 2;
  light.forEach((is, at) => { data[at * 4 + 3] = is === ground ? 0 : 255; });
  context.putImageData(picture, 0, 0);
  return canvas;
}
