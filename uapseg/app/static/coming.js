// A network or a data set that is not there yet: what it costs, how far it is, and a way back.
const panel = $('.u-coming');
const ways = {
  fetch: button('u-solid', say('fetch'), () => trigger('fetch')),
  again: button('u-solid', say('again'), () => trigger('fetch')),
  cancel: button('', say('cancel'), () => trigger('cancel')),
};
panel.append(...Object.values(ways));
const shownFor = { fetch: ['costs'], again: ['failed'], cancel: ['costs', 'fetching', 'loading', 'failed'] };

function coming(reply) {
  const fresh = !root.dataset.coming;
  root.dataset.coming = reply.state;
  stats.coming = reply;
  panel.hidden = false;
  $('b', panel).textContent = reply.coming.title;
  $('div', panel).replaceChildren(...reply.coming.lines.map(line => {
    const said = make('p');
    said.textContent = line;
    return said;
  }));
  const meter = $('progress', panel);
  meter.hidden = !['fetching', 'loading'].includes(reply.state);
  if (reply.share == null) meter.removeAttribute('value');
  else meter.value = reply.share;
  for (const [name, way] of Object.entries(ways)) way.hidden = !shownFor[name].includes(reply.state);
  if (fresh) $('.u-live').textContent = reply.coming.title;
}
function arrived() {
  panel.hidden = true;
  delete root.dataset.coming;
  stats.coming = null;
}
onWorld(() => {
  const about = document.getElementById('u-about');
  if (about) about.textContent = world.about;
});
