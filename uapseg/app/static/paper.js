// The drawing: the class of each pixel at the network's own resolution, 255 where nothing is drawn. What is shown is what
// is sent.
const NOTHING = 255;
const MOST_UNDONE = 30;
const paper = { width: 0, height: 0, numbers: new Uint8Array(), undone: [], redone: [] };
const layer = make('canvas'); // the drawing in the colours of its classes
const pencil = make('canvas').getContext('2d', { willReadFrequently: true }); // where a stroke is made before it counts

onWorld(() => {
  [paper.width, paper.height] = world.size;
  paper.numbers = new Uint8Array(paper.width * paper.height).fill(NOTHING);
  paper.undone = [];
  paper.redone = [];
  for (const canvas of [layer, pencil.canvas]) { canvas.width = paper.width; canvas.height = paper.height; }
});

function remember() {
  paper.undone.push(paper.numbers.slice());
  paper.redone = [];
  if (paper.undone.length > MOST_UNDONE) paper.undone.shift();
}
function step(from, to) { // undo, or redo
  const other = from.pop();
  if (!other) return false;
  to.push(paper.numbers);
  paper.numbers = other;
  colour();
  return true;
}
function colour() {
  const context = layer.getContext('2d');
  const picture = context.createImageData(paper.width, paper.height);
  const pixels = new Uint32Array(picture.data.buffer);
  const inks = world.classes.map(({ rgb: [red, green, blue] }) => 0xff000000 | blue << 16 | green << 8 | red);
  paper.numbers.forEach((number, at) => { if (number !== NOTHING) pixels[at] = inks[number]; });
  context.putImageData(picture, 0, 0);
}
// Lays on the drawing, in one class, what `stroke` paints; a pixel is drawn or it is not, no edge is half-transparent.
function lay(number, stroke) {
  pencil.clearRect(0, 0, paper.width, paper.height);
  pencil.fillStyle = pencil.strokeStyle = '#000';
  stroke(pencil);
  const alpha = pencil.getImageData(0, 0, paper.width, paper.height).data;
  for (let at = 0; at < paper.numbers.length; at++) if (alpha[at * 4 + 3] > 127) paper.numbers[at] = number;
  colour();
}
function flood(x, y, number) {
  const { width, height, numbers } = paper;
  const start = y * width + x, old = numbers[start];
  if (old === number) return;
  const open = [start];
  while (open.length) {
    const at = open.pop();
    if (numbers[at] !== old) continue;
    numbers[at] = number;
    if (at % width) open.push(at - 1);
    if (at % width < width - 1) open.push(at + 1);
    if (at >= width) open.push(at - width);
    if (at < width * (height - 1)) open.push(at + width);
  }
  colour();
}
function mirror() {
  for (let row = 0; row < paper.height; row++) paper.numbers.subarray(row * paper.width, (row + 1) * paper.width).reverse();
  colour();
}
function invert(number) {
  paper.numbers.forEach((old, at) => { paper.numbers[at] = old === NOTHING ? number : NOTHING; });
  colour();
}
function wipeOff() {
  paper.numbers.fill(NOTHING);
  colour();
}

/* ---------- to and from a PNG whose red is the class number ---------- */
function encoded() {
  if (paper.numbers.every(number => number === NOTHING)) return null;
  const canvas = make('canvas');
  canvas.width = paper.width;
  canvas.height = paper.height;
  const context = canvas.getContext('2d');
  const picture = context.createImageData(paper.width, paper.height);
  paper.numbers.forEach((number, at) => {
    if (number !== NOTHING) picture.data.set([number, number, number, 255], at * 4);
  });
  context.putImageData(picture, 0, 0);
  return canvas.toDataURL('image/png');
}
async function restore(uri) {
  const image = await decoded(uri);
  pencil.clearRect(0, 0, paper.width, paper.height);
  pencil.drawImage(image, 0, 0);
  const { data } = pencil.getImageData(0, 0, paper.width, paper.height);
  for (let at = 0; at < paper.numbers.length; at++) paper.numbers[at] = data[at * 4 + 3] > 127 ? data[at * 4] : NOTHING;
  colour();
  props.value = { drawing: uri };
}
