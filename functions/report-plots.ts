/** Plots as SVG text, made by ECharts without a browser: they need no script and follow the page's light or dark. */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { escaped } from '#core/html.ts';

export interface Plot {
  /** Of the element; letters, digits and hyphens. */
  id: string;
  title: string;
  /** For those who cannot see it: what is drawn, and the last values. */
  description: string;
  kind: 'line' | 'bars';
  /** Milliseconds since 1970 and the value; in order. */
  series: { name: string; points: (readonly [number, number])[] }[];
  /** Of a value at the axis, such as `1.2 GB`. */
  format: (value: number) => string;
  /** IANA name. */
  timezone: string;
}

/** As many as there are colours that can be told apart. */
export const MAX_LINES = 8;
const WIDTH = 640;
const HEIGHT = 240;
/** Of the page's style sheet: each is another colour by light and by dark. */
const INK = 'var(--ink)';
const FAINT = 'var(--line)';
const COLOURS = Array.from({ length: MAX_LINES }, (_, index) => colourOf(index));

use([LineChart, BarChart, GridComponent, SVGRenderer]);

/** Of the line with that index, as CSS. */
export function colourOf(index: number): string {
  return `var(--s${(index % MAX_LINES) + 1})`;
}

/** An `svg` element with title and description. */
export function svgOf(plot: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(optionOf(plot));
    return labelled(chart.renderToSVGString(), plot);
  } finally {
    chart.dispose();
  }
}

function optionOf({ kind, series, format, timezone }: Plot) {
  const label = { color: INK, fontSize: 12 };
  return {
    animation: false,
    color: COLOURS,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: INK },
    grid: { left: 12, right: 24, top: 16, bottom: 12 },
    xAxis: {
      type: 'time',
      axisLine: { lineStyle: { color: FAINT } },
      axisTick: { lineStyle: { color: FAINT } },
      splitNumber: 6,
      axisLabel: { ...label, hideOverlap: true, formatter: timeLabel(series, timezone) },
    },
    yAxis: {
      type: 'value',
      min: 0,
      minInterval: 1,
      splitLine: { lineStyle: { color: FAINT } },
      axisLabel: { ...label, formatter: format },
    },
    series: series.map(({ name, points }) => ({
      name,
      silent: true,
      data: points.map(([atMs, value]) => [atMs, value]),
      ...(kind === 'line'
        ? {
            type: 'line',
            symbol: points.length > 1 ? 'none' : 'circle',
            lineStyle: { width: 2 },
            emphasis: { disabled: true },
          }
        : { type: 'bar', stack: 'all', barMaxWidth: 14, barMinWidth: 2, emphasis: { disabled: true } }),
    })),
  };
}

/** Hours within two days, dates beyond. */
function timeLabel(series: Plot['series'], timeZone: string): (ms: number) => string {
  const times = series
    .flatMap(({ points }) => [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0])
    .filter(Boolean);
  const short = Math.max(...times) - Math.min(...times) < 2 * 86_400_000;
  const format = new Intl.DateTimeFormat(
    'en-GB',
    short ? { hour: '2-digit', minute: '2-digit', timeZone } : { day: 'numeric', month: 'short', timeZone },
  );
  return (ms) => format.format(ms);
}

/** The size is the page's to say; the text is for screen readers. */
function labelled(svg: string, { id, title, description }: Plot): string {
  const opening = /^<svg\b[^>]*>/;
  const head =
    `<svg id="${id}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" ` +
    `aria-labelledby="${id}-title ${id}-desc"><title id="${id}-title">${escaped(title)}</title>` +
    `<desc id="${id}-desc">${escaped(description)}</desc>`;
  return svg.replace(opening, () => head);
}
