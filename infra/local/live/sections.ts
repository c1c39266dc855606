/** The parts of the page that change, each by the id of the element that it fills. */
import { ago, bytesText, countText, spanText } from '#core/amounts.ts';
import { type Cell, escaped, table } from '#core/html.ts';
import { figureOf } from './plot.ts';
import { lineOf, type Sample } from './series.ts';
import type { Snapshot } from './snapshot.ts';
import { clockText, countOf } from './text.ts';
import { verdictOf } from './verdict.ts';
import { newsText, waySection } from './way-section.ts';
import { lagMs } from './ways.ts';

export type Parts = Readonly<Record<string, string>>;

const MARKS = { right: '✓', working: '…', wrong: '!' } as const;
const WORDS = { right: 'All right', working: 'Working', wrong: 'Look here' } as const;

export function partsOf(snapshot: Snapshot, samples: readonly Sample[]): Parts {
  const verdict = verdictOf(snapshot);
  return {
    verdict: `<p class="verdict ${verdict.level}"><span class="badge"><span aria-hidden="true">${MARKS[verdict.level]}</span> ${WORDS[verdict.level]}</span> ${escaped(verdict.sentence)}</p>`,
    detail: `<p>${escaped(verdict.detail)}</p>${problemList(verdict.problems)}`,
    news: escaped(newsText(snapshot)),
    tiles: tiles(snapshot),
    ways: waySection(snapshot),
    agent: agentTable(snapshot),
    destinations: destinationTable(snapshot),
    services: serviceTable(snapshot),
    queues: queueTable(snapshot),
    plots: plots(snapshot, samples),
    errors: errorTable(snapshot),
  };
}

function problemList(problems: readonly { what: string; toDo: string }[]): string {
  if (problems.length === 0) return '';
  const items = problems.map(
    ({ what, toDo }) => `<li><strong>${escaped(what)}</strong> ${escaped(toDo)}</li>`,
  );
  return `<ul class="problems">${items.join('')}</ul>`;
}

function tiles({ hub, ledger, ways, queues, atMs }: Snapshot): string {
  const moving = ways.filter(({ doneMs }) => doneMs === undefined);
  const oldest = Math.max(0, ...moving.map(({ startedMs }) => atMs - startedMs));
  const lag = lagMs(ways);
  const waiting = queues.reduce((sum, one) => sum + one.waiting + one.inFlight + one.delayed, 0);
  const items: [string, string][] = [
    [
      'objects in the hub',
      hub === undefined ? 'cannot be read' : `${countText(hub.objects)}${hub.isAll ? '' : ' or more'}`,
    ],
    ['in all', hub === undefined ? 'cannot be read' : bytesText(hub.bytes)],
    ['objects in the ledger', countText(ledger.objects)],
    ['newest file everywhere after', lag === undefined ? 'none yet' : spanText(lag)],
    ['files on their way', countText(moving.length)],
    ['oldest of them', moving.length === 0 ? 'none' : spanText(oldest)],
    ['messages in the queues', countText(waiting)],
  ];
  return `<ul class="tiles">${items.map(([name, value]) => `<li>${escaped(name)}<b>${escaped(value)}</b></li>`).join('')}</ul>`;
}

function agentTable({ agent: { isRunning, status }, atMs }: Snapshot): string {
  if (!isRunning) return `<p><span class="bad">✗ The agent does not run.</span></p>`;
  if (status === undefined) return '<p class="soft">The agent starts; it does not answer yet.</p>';
  return table(
    `Version ${status.version}, started ${ago(Date.parse(status.startedAt), atMs)}. Rates and lag are of the last minute.`,
    ['folder', 'mode', 'state', '#queued', '#put off', '#parked', '#files/s', '#bytes/s', '#lag'],
    status.folders.map((one) => [
      one.name,
      `${one.mode}, ${one.watch}`,
      { text: stateText(one), mark: one.state === 'working' ? 'good' : 'soft' },
      countText(one.queued),
      countText(one.putOff),
      numberCell(one.parked),
      one.filesPerSecond.toFixed(1),
      bytesText(one.bytesPerSecond),
      one.lagSeconds === undefined ? '' : spanText(one.lagSeconds * 1000),
    ]),
    'It has no folder.',
  );
}

function stateText({ state, reason }: { state: string; reason: string }): string {
  return reason === '' ? state : `${state}: ${reason}`;
}

function destinationTable({ destinations, ledger }: Snapshot): string {
  return table(
    `Of ${countOf(ledger.objects, 'object')} in the ledger.`,
    ['destination', 'bucket', 'state', '#verified', '#waiting', '#given up'],
    destinations.map(({ name, bucket, gate, verified, waiting, deadLetters }) => [
      name,
      bucket,
      gate === 'down' ? { text: 'down', mark: 'bad' } : { text: 'reached', mark: 'good' },
      countText(verified),
      countText(waiting),
      numberCell(deadLetters),
    ]),
    'There is no destination.',
  );
}

function serviceTable({ fileManager, cdn }: Snapshot): string {
  const { files, delivered, waiting, deadLetters, failuresInARow, isFailing, breaker } = fileManager;
  const state: Cell = isFailing
    ? { text: `fails, breaker ${breaker}`, mark: 'bad' }
    : { text: `works, breaker ${breaker}`, mark: breaker === 'open' ? 'bad' : 'good' };
  return table(
    'The file manager and the CDN that are told what changed.',
    ['service', 'state', 'numbers'],
    [
      [
        'file manager',
        state,
        `${countOf(delivered, 'object')} confirmed, ${countText(waiting)} waiting, ${countText(deadLetters)} given up, ` +
          `${countOf(files, 'file')} kept, ${countOf(failuresInARow, 'failure')} in a row`,
      ],
      cdn === undefined
        ? ['CDN', { text: 'there is none here', mark: 'soft' }, '']
        : [
            'CDN',
            { text: 'works', mark: 'good' },
            `distribution ${cdn.distribution}: invalidations so far ${countText(cdn.invalidations)}, in progress ${countText(cdn.inProgress)}`,
          ],
    ],
    '',
  );
}

function queueTable({ queues }: Snapshot): string {
  return table(
    'Approximate, as SQS tells. In work is also what waits for its next try.',
    ['queue', '#waiting', '#in work', '#for later', '#dead letters'],
    queues.map(({ name, waiting, inFlight, delayed, deadLetters }) => [
      name,
      countText(waiting),
      countText(inFlight),
      countText(delayed),
      numberCell(deadLetters),
    ]),
    'No queue could be read yet.',
  );
}

function errorTable({ agent: { status } }: Snapshot): string {
  return table(
    'What the agent warned of, the newest first.',
    ['time', 'level', 'what'],
    (status?.problems ?? [])
      .slice(0, 10)
      .map(({ at, level, text }) => [
        clockText(Date.parse(at)),
        { text: level, mark: level === 'ERROR' ? 'bad' : 'soft' },
        text,
      ]),
    'None.',
  );
}

function plots({ destinations, queues }: Snapshot, samples: readonly Sample[]): string {
  const line = (name: string, field: string) => ({ name, points: lineOf(samples, field) });
  const busiest = queues
    .map(({ name }) => ({
      ...line(name, `queue ${name}`),
      highest: Math.max(0, ...samples.map(({ values }) => values[`queue ${name}`] ?? 0)),
    }))
    .toSorted((left, right) => right.highest - left.highest);
  return [
    figureOf({
      id: 'plot-objects',
      title: 'Objects, as each place has them',
      format: countText,
      lines: [
        line('hub', 'objects hub'),
        line('ledger', 'objects ledger'),
        ...destinations.map(({ name }) => line(name, `objects ${name}`)),
        line('file manager', 'objects file manager'),
      ],
    }),
    figureOf({
      id: 'plot-queues',
      title: 'Messages in the queues',
      format: countText,
      lines: busiest,
    }),
    figureOf({
      id: 'plot-lag',
      title: 'Time to be everywhere',
      format: spanText,
      lines: [line('newest that arrived', 'lag'), line('oldest on its way', 'oldest')],
    }),
    figureOf({
      id: 'plot-files',
      title: 'Files in the folder',
      format: countText,
      lines: [line('files', 'files')],
    }),
  ].join('\n');
}

function numberCell(count: number): Cell {
  return count === 0 ? '0' : { text: countText(count), mark: 'bad' };
}
