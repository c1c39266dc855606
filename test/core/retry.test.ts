import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs, nextDelayMs } from '#core/retry.ts';

const policy = { attempts: 4, baseDelayMs: 100, maxDelayMs: 1000 };

it('ends after the last attempt', () => {
  expect([1, 2, 3, 4].map((failures) => nextDelayMs(policy, failures, 1))).toEqual([
    100,
    200,
    400,
    undefined,
  ]);
});

it('spreads delays over the whole interval and never exceeds the maximum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, random) => {
        const delayMs = backoffMs(policy, failures, random);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(policy.maxDelayMs);
      },
    ),
  );
  expect(backoffMs(policy, 3, 0)).toBe(0);
});
