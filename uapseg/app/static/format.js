// How numbers and texts are written.

/** A text whose names in braces are filled in; a name without a value becomes a dash. */
export function fillIn(template, values = {}) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '–');
}

/** A whole number with a narrow space between thousands. */
export function group(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A share from 0 to 1 in whole per cent, or a dash where there is none. */
export function percent(share) {
  return share == null ? '–' : String(Math.round(share * 100));
}

/** Seconds as minutes and seconds. */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}

/** Images a second: one digit after the point where they are few. */
export function rate(perSecond) {
  return perSecond.toFixed(perSecond < 10 ? 1 : 0);
}
