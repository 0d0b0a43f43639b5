"""What keeps a visitor from reaching something on a page: what axe-core finds, and focus rings that are cut off."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import settle

AXE = Axe()
DARK = "dark => document.body.classList.toggle('dark', dark)"

FROM_THE_START = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
}"""
"""Has the Tab key begin with the first control."""

CUT = """() => {
  for (const transition of document.getAnimations()) {
    if (transition instanceof CSSTransition) transition.finish(); // rings fade in
  }
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const ringed = node.closest('label')?.matches(':has(input:focus-visible)') ? node.closest('label') : node;
  const style = [ringed, node].map(each => [each, getComputedStyle(each)])
    .find(([, { outlineStyle }]) => outlineStyle !== 'none');
  const name = (node.id || node.getAttribute('aria-label') || node.innerText || node.outerHTML).slice(0, 60);
  if (!style) return [name, 'no ring'];
  const [each, { outlineWidth, outlineOffset }] = style;
  const reach = parseFloat(outlineWidth) + parseFloat(outlineOffset);
  if (reach <= 0) return [name, ''];
  const box = each.getBoundingClientRect();
  for (let above = each.parentElement; above && above !== document.body; above = above.parentElement) {
    const { overflowX, overflowY, overflowClipMargin } = getComputedStyle(above);
    if (overflowX === 'clip' && parseFloat(overflowClipMargin) >= reach) continue;
    const around = above.getBoundingClientRect();
    const sides = [box.left - reach < around.left - .5 && 'left', box.right + reach > around.right + .5 && 'right'];
    const ends = [box.top - reach < around.top - .5 && 'top', box.bottom + reach > around.bottom + .5 && 'bottom'];
    const cut = [...overflowX === 'visible' ? [] : sides, ...overflowY === 'visible' ? [] : ends].filter(Boolean);
    if (cut.length) return [name, `${cut} cut by ${above.id || above.className}`];
  }
  return [name, ''];
}"""
"""What has the focus, and what is wrong with its ring, if anything."""


def findings(tab: Page) -> list[str]:
    """What axe-core finds on a page as it is, in the light theme; of the dark one, texts with too little contrast."""
    found = _found(tab, {"resultTypes": ["violations"]})
    dark = tab.evaluate("() => document.body.classList.contains('dark')")
    tab.evaluate(DARK, not dark)
    found += _found(tab, {"runOnly": ["color-contrast"], "resultTypes": ["violations"]})
    tab.evaluate(DARK, dark)
    return found


def _found(tab: Page, options: dict) -> list[str]:
    settle(tab)
    return [
        f"{finding['id']}: {node['html'][:200]} ({node['failureSummary'][:300]})"
        for finding in AXE.run(tab, options=options).response["violations"]
        for node in finding["nodes"]
    ]


def focus_stops(tab: Page, most: int = 150) -> list[tuple[str, str]]:
    """All that the Tab key reaches on a page, one after the other, with what is wrong with its ring."""
    tab.evaluate(FROM_THE_START)
    stops: list[tuple[str, str]] = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        stop = tab.evaluate(CUT)
        if stop is None:
            break
        stops.append((stop[0], stop[1]))
    return stops
