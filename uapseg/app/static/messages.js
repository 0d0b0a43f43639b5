// Gradio's messages. Their header is marked as a button, but holds the one that closes the message: a button in a
// button, of which screen readers tell one alone. The mark is taken off; a press on the header still folds the message.
import { $$ } from './context.js';

function unmark(wrap) {
  for (const header of $$('.toast-header[role]', wrap)) {
    header.removeAttribute('role');
    header.removeAttribute('tabindex');
  }
}

export function mount() {
  const wrap = document.querySelector('.toast-wrap');
  if (wrap) new MutationObserver(() => unmark(wrap)).observe(wrap, { childList: true, subtree: true });
}
