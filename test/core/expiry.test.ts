import { expect, it } from 'vitest';
import { clockFault, expiryIntervalMs, isOlder } from '#core/expiry.ts';

const HOUR_MS = 3_600_000;
const ns = (ms: number) => BigInt(ms) * 1_000_000n;
const NOW = 1_800_000_000_000;
const times = (mtimeAgoMs: number, ctimeAgoMs: number) => ({
  mtimeNs: ns(NOW - mtimeAgoMs),
  ctimeNs: ns(NOW - ctimeAgoMs),
});

it.each([
  ['both old', times(2 * HOUR_MS, 2 * HOUR_MS), true],
  ['arrived now with an old mtime', times(1000 * HOUR_MS, 0), false],
  ['written now', times(0, 0), false],
  ['mtime in the future', times(-HOUR_MS, 2 * HOUR_MS), false],
  ['exactly as old as the age', times(HOUR_MS, HOUR_MS), false],
  ['a millisecond older', times(HOUR_MS + 1, HOUR_MS + 1), true],
])('counts the newest of mtime and ctime: %s', (_name, file, older) => {
  expect(isOlder(file, HOUR_MS, NOW)).toBe(older);
});

it.each([
  [undefined, undefined],
  [0, undefined],
  [15 * 60_000, undefined],
  [-15 * 60_000, undefined],
  [16 * 60_000, "the host's clock is 16 minutes behind the store's"],
  [-24 * HOUR_MS, "the host's clock is 1440 minutes ahead of the store's"],
])('refuses to act by age when the clocks differ by %s ms', (skewMs, fault) => {
  expect(clockFault(skewMs)).toBe(fault);
});

it.each([
  [1_000, 60_000],
  [HOUR_MS, HOUR_MS / 4],
  [24 * HOUR_MS, HOUR_MS],
])('looks often enough for an age of %s ms', (age, every) => {
  expect(expiryIntervalMs(age)).toBe(every);
});
