// The dialog that says how a program does what the page does: code and an address for exactly this server.
import { $, button, byId, make, t } from './context.js';

const dialog = $('.u-program');

/** The address of this page, as programs reach it: what Gradio knows of its path, at the host of the visitor. */
function pageAddress() {
  const { pathname } = new URL(window.gradio_config.root, location.href);
  return `${location.origin}${pathname.replace(/\/?$/, '/')}`;
}

function fill() {
  const { mcp_server: hasTools, api_prefix: prefix } = window.gradio_config;
  const address = pageAddress();
  const title = make('h2', '', t('program'));
  title.id = 'u-program-title';
  const code = make('pre', '', t('program_code', { address }));
  code.tabIndex = 0; // it scrolls where it is wider than the window
  const copyStatus = make('span');
  copyStatus.setAttribute('role', 'status');
  const tools = make('p', '', t('program_tools'));
  tools.append(' ', make('code', '', `${address}${prefix.slice(1)}/mcp/`));
  tools.hidden = !hasTools;
  const foot = make('div', 'u-foot');
  foot.append(
    button('u-solid', t('copy_code'), async () => {
      copyStatus.textContent = (await copy(code)) ? t('copied') : t('copy_by_hand');
    }),
    button('', t('close'), () => dialog.close()),
    copyStatus,
  );
  dialog.replaceChildren(title, make('p', '', t('program_how')), code, tools, foot);
}

/** Whether a text is in the clipboard now; where the browser forbids that, it is selected. */
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}

export function mount() {
  byId('u-program').addEventListener('click', () => {
    fill();
    dialog.showModal();
  });
}
