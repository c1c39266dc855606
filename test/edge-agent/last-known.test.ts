import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { lastKnown } from '../../edge-agent/last-known.ts';

const full = () =>
  new SyncError('the disk is full', { op: 'index', retryable: true, code: 'IndexFull', hint: 'Make room' });

it('answers what it knew while the index fails, and says so once each time that it begins to', () => {
  const turns: (() => string)[] = [];
  const said: unknown[] = [];
  const log = { error: (...line: unknown[]) => void said.push(line) };
  const read = lastKnown(log, () => turns.shift()?.() ?? '', 'nothing yet');
  const fails = () => {
    throw full();
  };
  turns.push(
    fails,
    () => 'one',
    fails,
    fails,
    () => 'two',
    fails,
  );
  const known = Array.from({ length: 6 }, read);
  expect(known).toEqual(['nothing yet', 'one', 'one', 'one', 'two', 'two']);
  expect(said).toEqual(Array(3).fill(['the disk is full', { hint: 'Make room' }]));
});

it('throws what is no failure of the index', () => {
  const bug = lastKnown(
    { error: () => undefined },
    () => {
      throw new TypeError('bug');
    },
    0,
  );
  expect(bug).toThrow(TypeError);
});
