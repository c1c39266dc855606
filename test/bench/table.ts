/** The lines of a case as a table: each contender beside ours. */
import type { Line } from './figures.ts';
import { OURS } from './runner.ts';

const COLUMNS: { title: string; of: (line: Line) => number | null }[] = [
  { title: 'objects/s', of: ({ objectsPerS }) => objectsPerS },
  { title: 'MB/s', of: ({ mbPerS }) => mbPerS },
  { title: 'CPU-s/1,000', of: ({ cpuSPer1000 }) => cpuSPer1000 },
  { title: 'RSS MB', of: ({ rssMb }) => rssMb },
  { title: 'requests', of: ({ requests }) => requests },
  { title: 's', of: ({ seconds }) => numberOf(seconds) },
];
const ABBREVIATIONS = new Map([
  ['Cpu', 'CPU'],
  ['Kb', 'KB'],
  ['Mb', 'MB'],
  ['Rss', 'RSS'],
]);
/** They have columns of their own. */
const KNOWN = new Set([
  'case',
  'contender',
  'runs',
  'objectsPerS',
  'mbPerS',
  'cpuSPer1000',
  'rssMb',
  'requests',
  'seconds',
  'failed',
  'at',
  'commit',
  'machine',
  'quick',
]);

/** Rows of cells, the titles first; columns that are empty throughout are left out. */
export function rowsOf(lines: readonly Line[], beside = true): string[][] {
  const more = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => !KNOWN.has(name));
  const columns = [
    ...COLUMNS,
    ...more.map((name) => ({ title: titleOf(name), of: (line: Line) => numberOf(line[name]) })),
  ].filter(({ of }) => lines.some((line) => of(line) !== null));
  const ours = lines.find(({ contender }) => contender === OURS);
  const isLast = beside || lines.some(({ failed }) => failed !== undefined);
  const last = (cell: string) => (isLast ? [cell] : []);
  return [
    ['', 'runs', ...columns.map(({ title }) => title), ...last(beside ? 'ours is' : '')],
    ...lines.map((line) => [
      line.contender,
      String(line.runs),
      ...columns.map(({ of }) => numberText(of(line))),
      ...last(line.failed === undefined ? (beside ? ratioText(ours, line) : '') : `failed: ${line.failed}`),
    ]),
  ];
}

/** For a terminal: aligned columns. */
export function tableText(lines: readonly Line[], beside?: boolean): string {
  const rows = rowsOf(lines, beside);
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          at === 0 || at === row.length - 1 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}\n`)
    .join('');
}

/** How many times as fast ours is, and how much of the other's processor time it takes. */
function ratioText(ours: Line | undefined, line: Line): string {
  if (ours === undefined || ours === line) return '';
  const speed =
    ratio(ours.objectsPerS, line.objectsPerS) ?? ratio(numberOf(line.seconds), numberOf(ours.seconds));
  const cpu = ratio(ours.cpuSPer1000, line.cpuSPer1000);
  return [speed === undefined ? '' : `${speed} x as fast`, cpu === undefined ? '' : `${cpu} x the CPU`]
    .filter((part) => part !== '')
    .join(', ');
}

function ratio(of: number | null, by: number | null): string | undefined {
  return of === null || by === null || by === 0 ? undefined : numberText(of / by);
}

export function numberText(value: number | null): string {
  if (value === null) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

/** `p99Ms` is `p99 ms`, `wakeupsPerS` is `wakeups/s`, `startCpuMs` is `start CPU ms`. */
function titleOf(name: string): string {
  return name
    .replace(/PerS(?=[A-Z]|$)/, '/s')
    .replace(/[A-Z][a-z]*/g, (word) => ` ${ABBREVIATIONS.get(word) ?? word.toLowerCase()}`)
    .trim();
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
