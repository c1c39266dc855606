/** Which plots the page has, and the figures beside them: the last and the highest value of each line, as a table. */

import { bytesText, countText } from '#core/amounts.ts';
import { escaped, visible } from '#core/html.ts';
import type { SeriesPoint } from '#core/report-series.ts';
import { colourOf, MAX_LINES, type Plot, svgOf } from './report-plots.ts';
import { durationText, timeText } from './report-text.ts';

type Group = 'sums' | 'peaks' | 'levels';
interface Line {
  name: string;
  group: Group;
  /** Of the number in the point. */
  field: string;
}

interface Chart {
  id: string;
  title: string;
  what: string;
  kind: Plot['kind'];
  format: (value: number) => string;
  lines: Line[];
}

const level = (name: string, field: string): Line => ({ name, group: 'levels', field });
const counted = (name: string, field: string): Line => ({ name, group: 'sums', field });

/** Objects, bytes, changes and errors. */
export function overallFigures(points: readonly SeriesPoint[], timezone: string): string {
  return figures(points, timezone, [
    {
      id: 'objects',
      title: 'Objects in the hub',
      what: 'Number of objects in each full state',
      kind: 'line',
      format: countText,
      lines: [level('objects', 'objects')],
    },
    {
      id: 'bytes',
      title: 'Bytes in the hub',
      what: 'Sum of their sizes',
      kind: 'line',
      format: bytesText,
      lines: [level('bytes', 'bytes')],
    },
    {
      id: 'changes',
      title: 'Changes',
      what: 'Keys that changed, by what happened to them',
      kind: 'bars',
      format: countText,
      lines: ['created', 'modified', 'deleted', 'permissions'].map((kind) => counted(kind, kind)),
    },
    {
      id: 'errors',
      title: 'Errors',
      what: 'Errors of the reports, and messages in dead-letter queues',
      kind: 'line',
      format: countText,
      lines: [counted('of reports', 'errors'), ...linesOf(points, 'dead', (name) => `dead letters ${name}`)],
    },
  ]);
}

export function queueFigures(points: readonly SeriesPoint[], timezone: string): string {
  return figures(points, timezone, [
    {
      id: 'waiting',
      title: 'Messages in the queues',
      what: 'Waiting and in flight',
      kind: 'line',
      format: countText,
      lines: linesOf(points, 'waiting'),
    },
    {
      id: 'busy',
      title: 'Lag of the queues',
      what: 'How long each queue has not been seen empty: no message in it is older',
      kind: 'line',
      format: durationText,
      lines: linesOf(points, 'busy'),
    },
  ]);
}

export function destinationFigures(points: readonly SeriesPoint[], timezone: string): string {
  return figures(points, timezone, [
    {
      id: 'behind',
      title: 'Objects that a destination lacks',
      what: 'Behind, gone or untold in each full state',
      kind: 'line',
      format: countText,
      lines: linesOf(points, 'behind'),
    },
    {
      id: 'lag',
      title: 'Lag of the destinations',
      what: 'How long the queue of each has not been seen empty',
      kind: 'line',
      format: durationText,
      lines: linesOf(points, 'lag'),
    },
    {
      id: 'held',
      title: 'Deletes that wait for a person',
      what: 'Held by the guard of each destination',
      kind: 'line',
      format: countText,
      lines: linesOf(points, 'held'),
    },
  ]);
}

export function agentFigures(points: readonly SeriesPoint[], timezone: string): string {
  return figures(points, timezone, [
    {
      id: 'age',
      title: 'Age of the heartbeats',
      what: 'Since each agent has last said that it lives',
      kind: 'line',
      format: durationText,
      lines: linesOf(points, 'age'),
    },
    {
      id: 'queued',
      title: 'Files that the agents have yet to do',
      what: 'Queued and put off',
      kind: 'line',
      format: countText,
      lines: linesOf(points, 'queued'),
    },
    {
      id: 'agent-errors',
      title: 'Errors of the agents',
      what: 'Parked files, and folders that do not work',
      kind: 'line',
      format: countText,
      lines: linesOf(points, 'errors'),
    },
  ]);
}

/** One for each name that the points have numbers of that kind of; those with the highest numbers where it is too many. */
function linesOf(points: readonly SeriesPoint[], kind: string, named = (name: string) => name): Line[] {
  const highest = new Map<string, number>();
  for (const { peaks } of points) {
    for (const [field, value] of Object.entries(peaks)) {
      if (field.startsWith(`${kind} `)) highest.set(field, Math.max(highest.get(field) ?? 0, value));
    }
  }
  return [...highest]
    .sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .slice(0, MAX_LINES)
    .map(([field]) => ({
      name: visible(named(field.slice(kind.length + 1))),
      group: 'peaks' as const,
      field,
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function figures(points: readonly SeriesPoint[], timezone: string, charts: readonly Chart[]): string {
  const drawn = charts.flatMap((chart) => {
    const series = chart.lines.slice(0, MAX_LINES).flatMap(({ name, group, field }) => {
      const values = points.flatMap((point): [number, number][] => {
        const value = point[group][field];
        return value === undefined ? [] : [[point.atMs, value]];
      });
      return values.length === 0 ? [] : [{ name, points: values }];
    });
    return series.length === 0 ? [] : [figureOf(chart, series, timezone)];
  });
  return drawn.length === 0 ? '' : `<div class="plots">${drawn.join('\n')}</div>`;
}

function figureOf(
  { id, title, what, kind, format }: Chart,
  series: Plot['series'],
  timezone: string,
): string {
  const rows = series.map(({ name, points }) => ({
    name,
    last: format(points.at(-1)?.[1] ?? 0),
    highest: format(Math.max(...points.map(([, value]) => value))),
  }));
  const times = series.flatMap(({ points }) => [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0]);
  const span = `${timeText(Math.min(...times), timezone)} to ${timeText(Math.max(...times), timezone)}`;
  const description = `${what}, ${span}. ${rows.map(({ name, last }) => `${name}: ${last}`).join('; ')}.`;
  const body = rows
    .map(
      ({ name, last, highest }, index) =>
        `<tr><th scope="row"><i style="background:${colourOf(index)}"></i>${escaped(name)}</th><td class="n">${escaped(last)}</td><td class="n">${escaped(highest)}</td></tr>`,
    )
    .join('');
  return `<figure><h3>${escaped(title)}</h3><p class="soft">${escaped(what)}</p>
${svgOf({ id: `plot-${id}`, title, description, kind, series, format, timezone })}
<table><caption>${escaped(span)}</caption><thead><tr><th scope="col">of</th><th class="n" scope="col">last</th><th class="n" scope="col">highest</th></tr></thead><tbody>${body}</tbody></table></figure>`;
}
