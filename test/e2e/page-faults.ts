/** What an accessibility checker would complain of first, as a script for the page that is looked at. */

/** Answers the faults, one text for each; empty: there are none. */
export const PAGE_FAULTS = String.raw`(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const complain = (what, elements) => {
    for (const element of elements) faults.push(what + ': ' + element.outerHTML.slice(0, 120));
  };
  if (document.documentElement.lang !== 'en') faults.push('no language');
  for (const landmark of ['header', 'main', 'h1']) {
    if (all(landmark).length !== 1) faults.push('not one ' + landmark);
  }
  const ids = all('[id]').map(({ id }) => id);
  faults.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => 'twice: ' + id));
  complain(
    'no name',
    all('button, a').filter((one) => one.textContent.trim() === ''),
  );
  complain(
    'small target',
    all('button').filter((one) => one.getBoundingClientRect().height < 44),
  );
  complain(
    'heading without scope',
    all('th').filter((one) => !one.hasAttribute('scope')),
  );
  complain(
    'plot without name',
    all('svg:not([aria-hidden])').filter((one) => !one.hasAttribute('aria-labelledby')),
  );
  complain(
    'refers to nothing',
    all('[aria-labelledby]').filter(
      (one) => !document.getElementById(one.getAttribute('aria-labelledby') ?? ''),
    ),
  );
  complain(
    'no label of the section',
    all('section, [role=region]').filter((one) => !one.ariaLabel && !one.hasAttribute('aria-labelledby')),
  );
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    faults.push('scrolls sideways');

  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  // https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
  const luminance = (colour) => {
    const [red = 0, green = 0, blue = 0] = channels(colour)
      .slice(0, 3)
      .map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    if (element === null) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  for (const element of all('body *')) {
    const isText = [...element.childNodes].some(
      (node) => node.nodeType === 3 && node.textContent.trim() !== '',
    );
    if (!isText || ['SCRIPT', 'STYLE', 'desc'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [light = 0, dark = 0] = [luminance(ink), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faults.push('contrast ' + ratio.toFixed(1) + ': ' + element.outerHTML.slice(0, 120));
  }
  return faults;
})()`;
