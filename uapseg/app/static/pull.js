// The long poll: the newest frame wins, so a slow link lowers the frame rate and nothing else.
const seen = { seq: -1, frame: -1, mine: -1, turn: -1, lost: 0, status: '', loop: 0, lag: 0, slow: false, rate: 0, mark: null };
const stats = window.__stage = { token: null, frames: 0, looks: 0, status: '', seq: -1, spent: 0 }; // for tests
const pause = time => new Promise(resolve => setTimeout(resolve, time));

function state(reply) {
  if (reply.place > 1) return say('place', { place: reply.place });
  if (reply.note) return reply.note;
  if (reply.status !== 'running' || !seen.rate) return say(reply.status);
  const left = Math.max(0, (reply.total - reply.spent) / seen.rate);
  const clock = Math.floor(left / 60) + ':' + String(Math.floor(left % 60)).padStart(2, '0');
  return say('rate', { rate: seen.rate.toFixed(seen.rate < 10 ? 1 : 0), left: clock });
}
function pace(reply) {
  const time = performance.now() / 1000;
  if (reply.status !== 'running' || !seen.mark || reply.spent < seen.mark.spent) { seen.mark = { time, spent: reply.spent }; seen.rate = 0; return; }
  const span = time - seen.mark.time;
  if (span > 2 && reply.spent > seen.mark.spent) {
    const rate = (reply.spent - seen.mark.spent) / span;
    seen.rate = seen.rate ? .6 * seen.rate + .4 * rate : rate;
    seen.mark = { time, spent: reply.spent };
  }
}

async function photo({ view: [kind], ...sent }) {
  if (camera.stream) return; // it is asked for again when the camera is closed
  const part = sent.image ? sent : world.scene;
  [now.clean, now.cleanSeen] = await Promise.all([decoded(part.image), decoded(part.seen)]);
  Object.assign(now, { width: part.width, height: part.height, after: null, seen: null, difference: null, sure: null });
  seen.frame = -1;
  $('figcaption b', views.photo).textContent = say(kind === 'scene' ? 'photo' : kind);
  root.dataset.kind = kind;
  if (!live()) ask();
}
async function frame(reply) {
  const names = ['after', 'seen', 'noise', 'difference', 'sure'];
  const images = await Promise.all(names.map(name => (reply[name] ? decoded(reply[name]) : null)));
  names.forEach((name, number) => { now[name] = images[number]; });
  if ('frame' in reply) seen.frame = reply.frame;
  board.reached = reply.reached;
  stats.frames++;
}
function blank() {
  Object.assign(now, { after: null, seen: null, noise: null, difference: null, sure: null });
  look.moment = null;
  reaches = null;
  if (look.strength !== 1) toStrength(1);
  board.reached = null;
  seen.frame = -1;
}
async function heading(reply) {
  now.wanted = reply.wanted ? await decoded(reply.wanted) : null;
  text('caption', reply.caption || '');
  if (reply.shares && JSON.stringify(reply.shares) !== JSON.stringify(board.shares)) build(reply.shares);
  board.here = reply.here || '';
  $('figcaption span', views.noise).textContent = reply.amplified ? '\u00d7 ' + reply.amplified : '';
  setDrawing(reply.drawing, reply.ink);
}
function settle(status) {
  const rests = ['idle', 'paused', 'done'].includes(status);
  if (status !== seen.status) {
    const pair = document.getElementById('u-world');
    if (pair) pair.inert = !rests;
    if (status === 'running' && painting) pick('look');
    if (rests) seen.frame = -1; // once more, and with how sure the network is
    if (rests) trigger('settled'); // also at first: the run may have come to rest after the page was filled in
    $('.u-live').textContent = say(status);
  }
  seen.status = root.dataset.status = stats.status = status;
}
function looked(reply) {
  for (const name of ['scores', 'floors', 'curve', 'legs', 'moments', 'bands', 'banded', 'looked', 'judged']) board[name] = reply[name];
  strip.live = { each: reply.each, thumbs: reply.thumbs };
  if (live()) Object.assign(strip, strip.live);
  if (charted === 'strength') chartStrengths();
  text('plain', reply.plain);
  const warning = $('.u-warning');
  warning.hidden = !reply.warning;
  warning.textContent = reply.warning || '';
  timeline();
  stats.looks++;
}
async function take(reply) {
  if (reply.world && (setWorld(reply.world) || root.dataset.coming)) trigger('ready');
  arrived();
  if ('photo' in reply) await photo(reply.photo);
  if ('drawing' in reply && !film2.playing) await heading(reply);
  if (reply.strokes) await restore(reply.strokes);
  if (reply.photos) strip.photos = reply.photos;
  if (reply.mine) { strip.mine = reply.mine; seen.mine = reply.mine.version; stats.mine = reply.mine.scores; }
  if (reply.status === 'idle' && !film2.playing) blank();
  if (reply.after && live()) await frame(reply);
  pace(reply);
  if (!film2.playing) board.total = reply.total;
  if ('curve' in reply && !film2.playing) looked(reply);
  thumbnails();
  settle(reply.status);
  if (reply.status === 'idle') playRecorded();
  Object.assign(stats, { spent: reply.spent, scores: board.scores, floors: board.floors, moments: board.moments, legs: board.legs.map(([, label]) => label) });
  if (!film2.playing) {
    text('spent', grouped(reply.spent));
    text('total', say('total', { total: grouped(reply.total) }));
  }
  text('state', state(reply));
  $('.u-bar i').style.width = Math.min(100, 100 * reply.spent / reply.total) + '%';
  figures();
  redraw();
  show();
  seen.seq = stats.seq = reply.seq;
}
async function pull(token) {
  const mine = ++seen.loop;
  if (token !== stats.token) seen.seq = seen.frame = seen.mine = -1;
  stats.token = token;
  while (mine === seen.loop && element.isConnected) {
    try {
      const began = performance.now();
      const reply = await answer('pull', {
        token, seq: seen.seq, frame: seen.frame, mine: seen.mine, turn: seen.turn, world: world.key, ...wants(),
        hidden: document.hidden || !live(), own: strip.tab === 'mine',
      });
      if (mine !== seen.loop) return;
      if (reply.failed) { await pause(1500); continue; }
      if (reply.after) {
        seen.lag = .7 * seen.lag + .3 * (performance.now() - began);
        seen.slow = seen.lag > (seen.slow ? 300 : 900);
      }
      if (reply.gone) { // the server has forgotten the visitor, and finds the run again by what the browser remembers
        if (++seen.lost > 5) { text('state', say('gone')); return; }
        trigger('lost');
        await pause(1000);
        continue;
      }
      seen.lost = 0;
      if (reply.turn && reply.turn !== seen.turn) { seen.turn = reply.turn; trigger('turn'); }
      if (reply.coming) coming(reply);
      else await take(reply);
    } catch (error) {
      if (mine !== seen.loop) return;
      root.dataset.status = 'offline';
      text('state', say('offline'));
      stats.error = String(error);
      await pause(1500);
    }
  }
}
text('state', say('loading'));
// Gradio takes each name in quotes for an event of ours, and would send its listener to the browser instead.
watch(Object.keys({ token: null }), () => { if (props.token) pull(props.token); });
if (props.token) pull(props.token);
