import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { regularly } from '#adapters/host/ticks.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('wakes for all intervals in the same moments, whenever each was begun', () => {
  const moments: [string, number][] = [];
  const begin = (name: string, everyMs: number) =>
    regularly(everyMs, () => void moments.push([name, performance.now()]));
  vi.advanceTimersByTime(1_300);
  const ends = [begin('a', 1_000)];
  vi.advanceTimersByTime(400);
  ends.push(begin('b', 2_000));
  vi.advanceTimersByTime(2_500);
  expect(moments).toEqual([
    ['a', 2_000],
    ['b', 2_000],
    ['a', 3_000],
    ['b', 4_000],
    ['a', 4_000],
  ]);
  for (const end of ends) end();
  vi.advanceTimersByTime(5_000);
  expect(moments).toHaveLength(5);
});
