// What is asked for when it is not simply the newest frame: an earlier moment, another strength.
const look = { moment: null, strength: 1, asking: false, again: false };
const live = () => look.moment == null && look.strength === 1 && !camera.stream;

async function ask() { // one question at a time, and of those in between only the last
  seen.frame = -1;
  if (camera.stream) return; // the next shot takes it up
  if (live()) {
    Object.assign(strip, strip.live);
    thumbnails();
    pull(stats.token);
    return;
  }
  if (look.asking) { look.again = true; return; }
  look.asking = true;
  try {
    do {
      look.again = false;
      const reply = await answer('look', { token: stats.token, moment: look.moment, ...wants() });
      if (reply.after && !live()) {
        await frame(reply);
        figures();
        redraw();
        stats.looked = look.moment;
      }
    } while (look.again && !live());
    await strips();
  } catch (error) {
    stats.error = String(error);
  } finally {
    look.asking = false;
  }
}
async function strips() { // the held-out pictures are six times the work of one: they follow when the hand rests
  if (live() || strip.tab !== 'strip') return;
  const reply = await answer('strip', { token: stats.token, moment: look.moment, strength: look.strength });
  if (!reply.each || live() || look.again) return;
  Object.assign(strip, { each: reply.each, thumbs: reply.thumbs });
  thumbnails();
}
