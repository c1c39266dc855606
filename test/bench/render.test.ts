import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lineOf } from './figures.ts';
import { comparisonText, figuresText, render, type WrittenLine, withFigures } from './render.ts';

const START = '<!-- figures: written by npm run bench -- --render -->';
const END = '<!-- end of figures -->';
const ORIGIN = { at: '2026-01-02T03:04:05Z', commit: 'abc1234', machine: '2 cores', quick: false };
const CASES = [{ name: 'small-sink', what: 'files into the null store' }];

function line(contender: string, seconds: number, cpuS: number): WrittenLine {
  return { ...lineOf('small-sink', contender, [{ objects: 1000, seconds, cpuS }]), ...ORIGIN };
}

const LINES = [line('sluice', 1, 0.1), line('s5cmd', 4, 0.4)];

test('the words around the figures are kept, and the old figures go', () => {
  const text = `words\n${START}\n\nold\n${END}\nmore words\n`;
  const once = withFigures(text, 'new\n');
  expect(once).toBe(`words\n${START}\n\nnew\n\n${END}\nmore words\n`);
  expect(withFigures(once, 'new\n')).toBe(once);
});

test('a document without a place for figures is refused', () => {
  expect(() => withFigures(`${END} ${START}`, '')).toThrow('the document has no');
});

test('figures say where they come from, and what ours is beside each peer', () => {
  const text = figuresText(LINES, CASES);
  expect(text).toContain('Commit abc1234, 2026-01-02, on 2 cores.');
  expect(text).toContain('### small-sink\n\nFiles into the null store.');
  expect(text).toContain('| s5cmd | 1 | 250 | 0.4 | 4 | 4 x as fast, 0.25 x the CPU |');
});

test('the comparison has one row a case, and of large objects the bytes', () => {
  const big = { ...lineOf('big', 'sluice', [{ objects: 1, bytes: 5e9, seconds: 10, cpuS: 5 }]), ...ORIGIN };
  const peer = { ...big, contender: 's5cmd', mbPerS: 250 };
  const cases = [...CASES, { name: 'big', what: 'one large file' }];
  expect(comparisonText([...LINES, big, peer], cases)).toBe(`| | sluice | s5cmd | rclone | mc |
| --- | ---: | ---: | ---: | ---: |
| Files into the null store | 1,000/s, 0.1 s | 250/s, 0.4 s |  |  |
| One large file | 500 MB/s, 5 s each | 250 MB/s, 5 s each |  |  |
`);
});

test('the documents and the plots are written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-render-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const name of ['performance.md', 'comparison.md']) {
    writeFileSync(join(directory, name), `${START}\n${END}\n`);
  }
  render(directory, LINES, CASES);
  expect(readFileSync(join(directory, 'performance.md'), 'utf8')).toContain('| sluice | 1 | 1,000 |');
  expect(readFileSync(join(directory, 'comparison.md'), 'utf8')).toContain(
    '| 1,000/s, 0.1 s | 250/s, 0.4 s |',
  );
  for (const plot of ['performance-speed.svg', 'performance-cpu.svg']) {
    const svg = readFileSync(join(directory, plot), 'utf8');
    expect(svg).toMatch(/^<svg/);
    expect(svg).toContain('small-sink');
    expect(svg).toContain('s5cmd');
  }
});

test('the figures of a quick run are no figures for the documentation', () => {
  expect(() => render('/nowhere', [{ ...line('sluice', 1, 1), quick: true }], CASES)).toThrow('--quick');
  expect(() => render('/nowhere', [], CASES)).toThrow('--quick');
});
