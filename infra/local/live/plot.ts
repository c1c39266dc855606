/** Lines over the last minutes, as SVG text whose colours are the style sheet's: no script, no inline style. */
import { escaped } from '#core/html.ts';
import { clockText } from './text.ts';

export interface Plot {
  /** Of the element; letters and hyphens. */
  id: string;
  title: string;
  /** Milliseconds since 1970 and the value, in order; every line has the same times. */
  lines: { name: string; points: (readonly [number, number])[] }[];
  /** Of a value at the axis, such as `1.2 MiB`. */
  format: (value: number) => string;
}

/** As many as there are colours and dashes that can be told apart. */
const MAX_LINES = 6;
const WIDTH = 640;
const HEIGHT = 170;
const BOX = { left: 64, right: WIDTH - 8, top: 10, bottom: HEIGHT - 24 };
const STEPS = 2;

/** A `figure`: the plot, and the same as a table of last and highest values. */
export function figureOf({ id, title, lines, format }: Plot): string {
  const drawn = lines.slice(0, MAX_LINES);
  const rows = drawn.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    return { name, last: format(values.at(-1) ?? 0), highest: format(Math.max(0, ...values)) };
  });
  const times = drawn.flatMap(({ points }) => [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0]);
  if (times.length === 0) return '';
  const [fromMs, toMs] = [Math.min(...times), Math.max(...times)];
  const told = rows.map(({ name, last }) => `${name}: ${last}`).join('; ');
  const description = `From ${clockText(fromMs)} to ${clockText(toMs)}. Now ${told}.`;
  const legend = rows.map(
    ({ name, last, highest }, index) =>
      `<tr><th scope="row">${keyOf(index)}${escaped(name)}</th><td class="n">${escaped(last)}</td><td class="n">${escaped(highest)}</td></tr>`,
  );
  return `<figure><figcaption id="${id}-title">${escaped(title)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-desc"><desc id="${id}-desc">${escaped(description)}</desc>
${bodyOf(drawn, fromMs, toMs, format)}</svg>
<table><thead><tr><th scope="col">line</th><th class="n" scope="col">now</th><th class="n" scope="col">highest</th></tr></thead><tbody>${legend.join('')}</tbody></table></figure>`;
}

function bodyOf(lines: Plot['lines'], fromMs: number, toMs: number, format: Plot['format']): string {
  const top = niceTop(Math.max(0, ...lines.flatMap(({ points }) => points.map(([, value]) => value))));
  const x = (ms: number) =>
    round(BOX.left + ((ms - fromMs) / Math.max(1, toMs - fromMs)) * (BOX.right - BOX.left));
  const y = (value: number) => round(BOX.bottom - (value / top) * (BOX.bottom - BOX.top));
  const grid = Array.from({ length: STEPS + 1 }, (_, step) => (top * step) / STEPS).map(
    (value) =>
      `<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text class="n" x="${BOX.left - 8}" y="${y(value) + 4}" text-anchor="end">${escaped(format(value))}</text>`,
  );
  const ends = [
    `<text x="${BOX.left}" y="${HEIGHT - 6}">${clockText(fromMs)}</text>`,
    `<text x="${BOX.right}" y="${HEIGHT - 6}" text-anchor="end">${clockText(toMs)}</text>`,
  ];
  const paths = lines.map(({ points }, index) => {
    const path = points.map(([ms, value], at) => `${at === 0 ? 'M' : 'L'}${x(ms)} ${y(value)}`).join('');
    return `<path class="line s${index + 1}" d="${path}"/>`;
  });
  return [...grid, ...ends, ...paths].join('');
}

function keyOf(index: number): string {
  return `<svg class="key" viewBox="0 0 28 8" aria-hidden="true"><path class="line s${index + 1}" d="M0 4L28 4"/></svg>`;
}

/** 1, 2 or 5 times a power of ten; two steps of it are whole numbers where the values are. */
function niceTop(highest: number): number {
  if (highest <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(highest));
  const factor = [1, 2, 5, 10].find((one) => one * power >= highest) ?? 10;
  const top = factor * power;
  return top / STEPS === Math.floor(top / STEPS) ? top : top + 1;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
