import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SeriesPoint, withPoint } from '#core/report-series.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

function series(times: readonly number[], value: (index: number) => number): SeriesPoint[] {
  return times.reduce<SeriesPoint[]>(
    (points, atMs, index) =>
      withPoint(points, {
        atMs,
        sums: { created: value(index) },
        peaks: { 'dead q': value(index) },
        levels: { objects: index },
      }),
    [],
  );
}

describe('the series of the plots', () => {
  it('loses no change and no spike, keeps the newest level, and stays in order, within a month', () => {
    const steps = fc.array(
      fc.record({ minutes: fc.integer({ min: 1, max: 300 }), value: fc.nat({ max: 9 }) }),
      {
        minLength: 1,
        maxLength: 120,
      },
    );
    fc.assert(
      fc.property(steps, (given) => {
        let atMs = 0;
        const times = given.map(({ minutes }) => (atMs += minutes * MINUTE_MS));
        const points = series(times, (index) => given[index]?.value ?? 0);
        const values = given.map(({ value }) => value);
        const total = points.reduce((sum, point) => sum + (point.sums.created ?? 0), 0);
        expect(total).toBe(values.reduce((sum, value) => sum + value, 0));
        expect(Math.max(...points.map((point) => point.peaks['dead q'] ?? 0))).toBe(Math.max(...values));
        expect(points.at(-1)?.levels.objects).toBe(given.length - 1);
        const ordered = points.map((point) => point.atMs);
        expect(ordered).toEqual(ordered.toSorted((left, right) => left - right));
        expect(new Set(ordered).size).toBe(ordered.length);
      }),
    );
  });

  it('is fine for a day, coarser before, and never grows beyond a month of runs each minute', () => {
    const times = Array.from({ length: 40 * 24 * 6 }, (_, index) => index * 10 * MINUTE_MS);
    const points = series(times, () => 1);
    const end = times.at(-1) ?? 0;
    const within = (fromDays: number, toDays: number) =>
      points.filter(({ atMs }) => end - atMs >= fromDays * DAY_MS && end - atMs < toDays * DAY_MS).length;
    expect(within(0, 1)).toBe(144);
    expect(within(1.1, 6.9)).toBeLessThanOrEqual(6 * 24);
    expect(within(7.5, 31)).toBeLessThanOrEqual(24 * 4);
    expect(within(31, 99)).toBe(0);
    expect(points.length).toBeLessThan(400);
  });
});
