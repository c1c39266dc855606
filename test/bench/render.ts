/**
 * docs/performance.md, and the short table of docs/comparison.md: figures between markers are written from the lines of a
 * run; the words around them are kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '#core/errors.ts';
import type { Line } from './figures.ts';
import { type Bars, barsSvg } from './plot.ts';
import type { Provenance } from './provenance.ts';
import { type Case, OURS } from './runner.ts';
import { numberText, rowsOf } from './table.ts';

export type WrittenLine = Line & Provenance;

type Described = Pick<Case, 'name' | 'what' | 'beside'>;

const START = '<!-- figures: written by npm run bench -- --render -->';
const END = '<!-- end of figures -->';
/** Those of the plots and of the comparison: what all of them can do. */
const PEERS = [OURS, 's5cmd', 'rclone', 'mc'];
const PLOTS: Bars[] = [
  {
    file: 'performance-speed.svg',
    title: 'Objects a second: longer is better',
    of: ({ objectsPerS }) => objectsPerS,
  },
  {
    file: 'performance-cpu.svg',
    title: 'CPU seconds for 1,000 objects: shorter is better',
    of: ({ cpuSPer1000 }) => cpuSPer1000,
  },
];

export function readLines(file: string): WrittenLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WrittenLine);
}

/** Writes the document and its plots into the directory. Throws `SyncError` for lines that are no figures. */
export function render(directory: string, lines: readonly WrittenLine[], cases: readonly Described[]): void {
  if (lines.length === 0 || lines.some(({ quick }) => quick)) {
    throw new SyncError('a run with --quick, or an empty one, has no figures for the documentation', {
      op: 'render',
      retryable: false,
    });
  }
  const documents = [
    ['performance.md', figuresText(lines, cases)],
    ['comparison.md', comparisonText(lines, cases)],
  ] as const;
  for (const [name, figures] of documents) {
    const file = join(directory, name);
    writeFileSync(file, withFigures(readFileSync(file, 'utf8'), figures));
  }
  for (const plot of PLOTS) writeFileSync(join(directory, plot.file), barsSvg(plot, plotted(lines), PEERS));
}

/** Throws `SyncError` when the text has no place for them. */
export function withFigures(text: string, figures: string): string {
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from < 0 || to < from) {
    throw new SyncError(`the document has no ${START} followed by ${END}`, {
      op: 'render',
      retryable: false,
    });
  }
  return `${text.slice(0, from + START.length)}\n\n${figures}\n${text.slice(to)}`;
}

export function figuresText(lines: readonly WrittenLine[], cases: readonly Described[]): string {
  const origins = new Set(
    lines.map(({ at, commit, machine }) => `Commit ${commit}, ${at.slice(0, 10)}, on ${machine}.`),
  );
  const plots = PLOTS.map(({ file, title }) => `![${title}](${file})\n`);
  const tables = cases.flatMap(({ name, what, beside }) => {
    const ofCase = lines.filter((line) => line.case === name);
    return ofCase.length === 0 ? [] : [`### ${name}\n\n${sentence(what)}\n\n${tableOf(ofCase, beside)}`];
  });
  return [[...origins].join('\n'), '', ...plots, ...tables].join('\n');
}

/** One row for each case that all contenders can do: rate and processor time, side by side. */
export function comparisonText(lines: readonly WrittenLine[], cases: readonly Described[]): string {
  const comparable = plotted(lines);
  const rows = cases.flatMap(({ name, what }) => {
    const ofCase = comparable.filter((line) => line.case === name);
    if (ofCase.length === 0) return [];
    const cells = PEERS.map((peer) => rateText(ofCase.find(({ contender }) => contender === peer)));
    return [`| ${sentence(what).slice(0, -1)} | ${cells.join(' | ')} |\n`];
  });
  return [`| | ${PEERS.join(' | ')} |\n`, `| --- |${' ---: |'.repeat(PEERS.length)}\n`, ...rows].join('');
}

/** Of large objects their bytes count. */
function rateText(line: Line | undefined): string {
  if (line === undefined) return '';
  const { objectsPerS, mbPerS, cpuSPer1000 } = line;
  if (objectsPerS !== null && objectsPerS >= 1) {
    return `${numberText(objectsPerS)}/s, ${numberText(cpuSPer1000)} s`;
  }
  const cpuSEach = cpuSPer1000 === null ? null : cpuSPer1000 / 1000;
  return `${numberText(mbPerS)} MB/s, ${numberText(cpuSEach)} s each`;
}

function tableOf(lines: readonly Line[], beside?: boolean): string {
  const [titles = [], ...rows] = rowsOf(lines, beside);
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  const right = titles.map((_, at) => (at === 0 || at === titles.length - 1 ? '---' : '---:'));
  return row(titles) + row(right) + rows.map(row).join('');
}

function plotted(lines: readonly Line[]): Line[] {
  const cases = new Set(lines.filter(({ contender }) => contender === 's5cmd').map((line) => line.case));
  return lines.filter(
    (line) => cases.has(line.case) && line.case !== 'rerun' && PEERS.includes(line.contender),
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
