import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runHistories } from './event-histories.ts';
import { play, SOURCES } from './event-history.ts';

/** A nightly run takes more: docs/reliability.md. */
const HISTORIES = Number(process.env.SLUICE_HISTORIES ?? 50_000);
const TRIES = 400;

describe('any history, delivered in any order, twice or late', () => {
  const steps = fc.array(fc.record({ delete: fc.boolean(), content: fc.integer({ min: 0, max: 2 }) }), {
    minLength: 1,
    maxLength: 12,
  });

  for (const source of SOURCES) {
    it(`ends in what the bucket holds (${source.name})`, () => {
      fc.assert(
        fc.property(steps, fc.infiniteStream(fc.nat()), (history, choices) => {
          const { wrong } = play(history, source, (limit) => Number(choices.next().value) % limit);
          expect(wrong).toBeUndefined();
        }),
        { numRuns: TRIES },
      );
    });
  }

  it(`ends in what the bucket holds, from every seed (${HISTORIES} of them)`, () => {
    const { histories, disturbed, failures } = runHistories(1, HISTORIES);
    expect(failures).toEqual([]);
    expect(histories).toBe(HISTORIES);
    expect(disturbed).toBeGreaterThan(HISTORIES);
  }, 3_600_000);
});
