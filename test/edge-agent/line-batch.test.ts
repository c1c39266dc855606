import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { batchLines } from '../../edge-agent/line-batch.ts';

function batch() {
  const process = new EventEmitter();
  const written: string[] = [];
  const write = batchLines((text) => written.push(text), process);
  return { process, written, write };
}

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

it('writes the lines of one turn together, in their order', async () => {
  const { written, write } = batch();
  write('a\n');
  write('b\n');
  expect(written).toEqual([]);
  await endOfTurn();
  expect(written).toEqual(['a\nb\n']);
  write('c\n');
  await endOfTurn();
  expect(written).toEqual(['a\nb\n', 'c\n']);
});

it('loses no line of the turn in which the process ends, and writes none twice', async () => {
  const { process, written, write } = batch();
  write('the last words\n');
  process.emit('exit');
  expect(written).toEqual(['the last words\n']);
  await endOfTurn();
  expect(written).toEqual(['the last words\n']);
});

it('keeps only so much in memory', () => {
  const { written, write } = batch();
  for (let index = 0; index < 3000; index++) write(`${'x'.repeat(99)}\n`);
  expect(written.join('').length).toBeGreaterThan(200_000);
});
