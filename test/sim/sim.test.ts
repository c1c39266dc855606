import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { runSeeds } from './campaign.ts';
import { FAULTS } from './faults.ts';
import type { Operation } from './operations.ts';
import { drawHistory } from './setup.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

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
];

describe('simulated histories of the cloud', () => {
  it(`keep every invariant at every step and converge, while every fault happens (${SEEDS} seeds)`, async () => {
    const { failures, fired, reached } = await runSeeds(1, SEEDS);
    expect(failures).toEqual([]);
    expect(FAULTS.filter((kind) => fired[kind] === 0)).toEqual([]);
    expect(RARE.filter((line) => !(line in reached))).toEqual([]);
  }, 600_000);

  it('are the same for the same seed, event by event, and for the choices that it made', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const history = drawHistory(seed);
      const first = await simulate(history, { traced: true });
      const again = await simulate(history, { traced: true });
      const replayed = await simulate(history, { traced: true, choices: first.choices });
      expect(again.trace.join('\n')).toBe(first.trace.join('\n'));
      expect(replayed.trace.join('\n')).toBe(first.trace.join('\n'));
    }
  });
});

it('a history that fails is made as short as it can be', async () => {
  const key = objectKey('a');
  const drawn = drawHistory(1);
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
