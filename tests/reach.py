"""What is looked for on a page: controls without a name, and text with less contrast than AA asks for."""

UNNAMED = """() => [...document.querySelectorAll('button, input, select, textarea, [tabindex="0"], [role=slider]')]
  .filter(node => {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || getComputedStyle(node).visibility === 'hidden') return false;
    if (node.closest('[inert], [aria-hidden=true]')) return false;
    const labels = [node.getAttribute('aria-label'), node.labels?.[0]?.innerText, node.innerText, node.title];
    return !labels.some(label => label?.trim());
  })
  .map(node => node.outerHTML.slice(0, 160))"""

FAINT = r"""() => {
  const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const numbers = colour => colour.match(/[\d.]+/g).map(Number);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > .5) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !node || ['STYLE', 'SCRIPT', 'OPTION'].includes(node.tagName)) continue;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (!box.width || style.visibility === 'hidden' || node.closest(':disabled')) continue;
    if (node.closest('.u-frame, .u-thumb, [inert], .u-unseen, .u-live, .toast-wrap')) continue;
    const [a, b] = [light(numbers(style.color)), light(ground(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push([text.slice(0, 40), ratio.toFixed(2), style.color]);
  }
  return faint;
}"""
