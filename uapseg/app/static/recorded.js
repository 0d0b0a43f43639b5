// A recorded run, played to a visitor who has none yet: what happens is seen before anything is pressed.
const film2 = { frames: null, playing: false, wanted: true };
const BETWEEN_MS = 420, LAST_MS = 3600;
const badge = $('.u-recorded');
$('b', badge).textContent = say('recorded');
badge.append(button('', say('quiet'), () => quiet()));

async function playRecorded() {
  if (!film2.wanted || film2.playing || !free()) return;
  film2.playing = true;
  film2.frames ??= await answer('recorded', { token: stats.token }).catch(() => ({}));
  if (!film2.frames.frames || !free()) { film2.playing = false; return; }
  badge.hidden = false;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const frames = still ? film2.frames.frames.slice(-1) : film2.frames.frames;
  build(film2.frames.shares);
  for (let number = 0; film2.playing && free(); number = (number + 1) % frames.length) {
    await showRecorded(frames, number);
    await pause(still ? 1e6 : number === frames.length - 1 ? LAST_MS : BETWEEN_MS);
  }
  quiet();
}
const free = () => seen.status === 'idle' && !root.dataset.coming && root.dataset.kind === 'scene' && !drawable && element.isConnected && world.key === facts.world.key;
async function showRecorded(frames, number) {
  const part = frames[number], { floors, here, total, caption } = film2.frames;
  await frame(part);
  if (!film2.playing || !free()) return;
  Object.assign(board, { scores: part.scores, floors, here, total, looked: part.spent, curve: frames.slice(0, number + 1).map(each => [each.spent, each.scores]), moments: [], bands: [], legs: [] });
  Object.assign(strip, { each: part.each, thumbs: part.thumbs });
  text('caption', caption);
  text('plain', part.plain);
  text('spent', grouped(part.spent));
  text('total', say('total', { total: grouped(total) }));
  stats.recorded = part.spent;
  thumbnails();
  figures();
  redraw();
}
function quiet() { // the visitor begins: what was shown makes room for what is theirs
  film2.wanted = false;
  if (!film2.playing) return;
  film2.playing = false;
  badge.hidden = true;
  stats.recorded = null;
  Object.assign(strip, { each: null, thumbs: null });
  blank();
  seen.seq = -1;
  pull(stats.token);
}
document.getElementById('u-side')?.addEventListener('input', () => quiet());
document.getElementById('u-side')?.addEventListener('click', event => { if (event.target.closest('label, #u-start')) quiet(); });
