import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { FAULTS } from './faults.ts';
import type { Operation } from './operations.ts';
import { drawHistory } from './setup.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { differing, inWorkers } from './workers.ts';

const SEEDS = 2_000;
/** Situations that few histories come to, as they are logged: a simulation that never does proves nothing of them. */
const RARE = [
  'mirror: deleted',
  'mirror: delete held',
  'mirror: continued',
  'reconcile: continued',
  'reconcile: ended, deletes held',
  'reconcile: released',
  'delivery: another one was under way, asked for again',
  'delivered: rename',
  'retention: removed',
  'retention: kept',
  'message waits for its visibility timeout',
  'messages held back behind one that failed',
  'move agent: uploaded',
  'move agent: removed',
  'move agent: removed directory',
  'move agent: put back after a crash',
  'mirror agent: uploaded',
  'mirror agent: copied',
  'mirror agent: deleted',
  'append agent: expired',
  'append agent: uploaded',
  'receive agent: downloaded',
  'receive agent: removed from bucket',
  'receive agent: removed unfinished downloads of an earlier run',
  'receive agent: no download waits for room any more',
];

describe('simulated histories of hosts and cloud', () => {
  it(`keep every invariant at every step and converge, while every fault happens (${SEEDS} seeds)`, async () => {
    const { failures, fired, reached } = await inWorkers(1, SEEDS, availableParallelism());
    expect(failures).toEqual([]);
    expect(FAULTS.filter((kind) => fired[kind] === 0)).toEqual([]);
    expect(RARE.filter((line) => !(line in reached))).toEqual([]);
  }, 600_000);

  it('are the same for the same seed, event by event, and for the choices that it made', async () => {
    expect(await differing(1, 40)).toEqual([]);
  });
});

it('a history that fails is made as short as it can be', async () => {
  const key = objectKey('a');
  const seeded = drawHistory(1);
  const drawn = { ...seeded, setup: { ...seeded.setup, hosts: [] } };
  const hint = (): Operation => ({ afterMs: 1, do: 'hint', key, type: 'create' });
  const operations: Operation[] = [
    ...Array.from({ length: 9 }, hint),
    { afterMs: 1, do: 'delete', key },
    ...Array.from({ length: 9 }, hint),
  ];
  /** Fails when something is deleted and a choice was 7. */
  const run: typeof simulate = async (history, { choices = [0, 3, 7, 1, 7, 2] } = {}) => ({
    ...(await simulate({ ...drawn, operations: [] })),
    choices,
    violation:
      history.operations.some((one) => one.do === 'delete') && choices.includes(7)
        ? { invariant: 'I1', text: 'it is gone', atMs: 0 }
        : undefined,
  });
  const history = { ...drawn, operations };
  const short = await shrink(history, await run(history), run);
  expect(short.history.operations).toEqual([{ afterMs: 1, do: 'delete', key }]);
  expect(short.outcome.choices).toEqual([0, 0, 0, 0, 7, 0]);
  expect(short.history.setup).toMatchObject({ destinations: [], cdn: false });
});
