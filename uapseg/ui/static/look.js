// What is asked for when it is not simply the newest frame: an earlier moment, another strength.
const look = { moment: null, strength: 1, asking: false, again: false };
const live = () => look.moment == null && look.strength === 1;

async function ask() { // one question at a time, and of those in between only the last
  seen.frame = -1;
  if (live()) { pull(stats.token); return; }
  if (look.asking) { look.again = true; return; }
  look.asking = true;
  try {
    do {
      look.again = false;
      const reply = await server.look({ token: stats.token, moment: look.moment, strength: look.strength, slow: seen.slow });
      if (reply.after && !live()) {
        await frame(reply);
        figures();
        redraw();
        stats.looked = look.moment;
      }
    } while (look.again && !live());
  } catch (error) {
    stats.error = String(error);
  } finally {
    look.asking = false;
  }
}
