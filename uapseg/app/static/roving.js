// Groups of controls that are one stop for the Tab key: the arrow keys move between their members.

const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

const isReachable = (node) => !node.disabled && node.checkVisibility();

/** The member that Tab reaches: the selected one, else the one that had the focus, else the first. */
function stopOf(members) {
  const selected = members.find((node) =>
    node.type === 'radio' ? node.checked : node.getAttribute('aria-selected') === 'true',
  );
  return selected ?? members.find((node) => node.tabIndex === 0) ?? members[0];
}

/**
 * Makes a group one stop.
 *
 * @param {HTMLElement} group What holds the members, also those that are added later.
 * @param {string} selector What finds them in it.
 * @param {boolean} activates Whether a member that gets the focus by an arrow key is pressed too, as tabs and radio
 *   buttons are.
 */
export function rove(group, selector, activates = false) {
  const members = () => [...group.querySelectorAll(selector)];
  const setStop = (stop) => {
    for (const node of members()) {
      const tabIndex = node === stop ? 0 : -1;
      if (node.tabIndex !== tabIndex) node.tabIndex = tabIndex;
    }
  };
  const update = () => setStop(stopOf(members().filter(isReachable)) ?? members()[0]);
  group.addEventListener('change', update);
  group.addEventListener('focusin', ({ target }) => {
    if (target.matches(selector)) setStop(target);
  });
  group.addEventListener('keydown', (event) => {
    const by = MOVES[event.key];
    const reachable = members().filter(isReachable);
    const at = reachable.indexOf(event.target);
    if (!by || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = Math.abs(by) === 1 ? (at + by + reachable.length) % reachable.length : by < 0 ? 0 : -1;
    reachable.at(next).focus();
    if (activates) reachable.at(next).click();
  });
  const options = { subtree: true, childList: true, attributeFilter: ['disabled', 'hidden', 'aria-selected'] };
  new MutationObserver(update).observe(group, options);
  update();
}
