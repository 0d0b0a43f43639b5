// A network or a data set that is not there yet: what it costs, how far it is, and a way back.
import { $, announce, button, byId, gradio, make, onWorkspace, root, t, workspace } from './context.js';

const panel = $('.u-loading');
const buttons = {
  fetch: button('u-solid', t('fetch'), () => gradio.trigger('start_download')),
  again: button('u-solid', t('again'), () => gradio.trigger('start_download')),
  cancel: button('', t('cancel'), () => gradio.trigger('cancel')),
};
const OFFERED = { fetch: ['costs'], again: ['failed'], cancel: ['costs', 'fetching', 'loading', 'failed'] };

export function showLoading({ state, share, loading: { title, lines } }) {
  const isNew = !root.dataset.loading;
  root.dataset.loading = state;
  panel.hidden = false;
  $('b', panel).textContent = title;
  $('div', panel).replaceChildren(...lines.map((line) => make('p', '', line)));
  const meter = $('progress', panel);
  meter.hidden = !['fetching', 'loading'].includes(state);
  if (share == null) meter.removeAttribute('value');
  else meter.value = share;
  for (const [name, each] of Object.entries(buttons)) each.hidden = !OFFERED[name].includes(state);
  if (isNew) announce(title);
}

export function hideLoading() {
  panel.hidden = true;
  delete root.dataset.loading;
}

export function mount() {
  panel.append(...Object.values(buttons));
  onWorkspace(() => {
    const about = byId('u-about');
    if (about) about.textContent = workspace.about;
  });
}
