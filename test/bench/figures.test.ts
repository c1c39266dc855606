import { expect, test } from 'vitest';
import { failedLine, lineOf, median, percentile } from './figures.ts';

test.each([
  [[3], 3],
  [[5, 1, 3], 3],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('there is no median of nothing', () => {
  expect(() => median([])).toThrow(RangeError);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

test('a percentile is a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile([7], 0.99)).toBe(7);
});

test('a line has the medians of the runs, each figure by itself', () => {
  const run = { objects: 1000, bytes: 4_000_000, cpuS: 0.5, rssMb: 40, requests: 1000 };
  const runs = [
    { ...run, seconds: 1, more: { p50Ms: 3 } },
    { ...run, seconds: 4, rssMb: 90, more: { p50Ms: 1 } },
    { ...run, seconds: 2, cpuS: 0.7, more: { p50Ms: 2 } },
  ];
  expect(lineOf('small-sink', 'sluice', runs)).toEqual({
    case: 'small-sink',
    contender: 'sluice',
    runs: 3,
    objectsPerS: 500,
    mbPerS: 2,
    cpuSPer1000: 0.5,
    rssMb: 40,
    requests: 1000,
    seconds: 2,
    p50Ms: 2,
  });
});

test('what was not measured is null, not zero', () => {
  expect(lineOf('latency', 'mc', [{ more: { p50Ms: 7.25 } }])).toMatchObject({
    objectsPerS: null,
    mbPerS: null,
    cpuSPer1000: null,
    rssMb: null,
    requests: null,
    p50Ms: 7.25,
  });
});

test('a contender that failed has a reason and no figures', () => {
  expect(failedLine('burst', 'mc', '7 of 10 files are lost')).toMatchObject({
    runs: 0,
    objectsPerS: null,
    failed: '7 of 10 files are lost',
  });
});
