/** The way of a file, put together from notes that come late and in any order. */
import { expect, it } from 'vitest';
import { createWays, lagMs, type Ways } from '../../../infra/local/live/ways.ts';

const ALL = ['offsite', 'file manager', 'CDN'];
const statesOf = (ways: Ways) => ways.all()[0]?.stages.map(({ name, state }) => `${name} ${state}`);

it('is done when every stage has confirmed the version of the ledger, and not before', () => {
  const ways = createWays(ALL);
  ways.uploaded('a', 10, 30, 1_030);
  expect(ways.all()[0]).toMatchObject({ key: 'a', what: 'upload', sizeBytes: 10, startedMs: 1_000 });
  expect(statesOf(ways)).toEqual([
    'hub done',
    'ledger waits',
    'offsite waits',
    'file manager waits',
    'CDN waits',
  ]);
  ways.confirmed('a', 'offsite', 'v1', 1_100);
  expect(statesOf(ways)?.[2]).toBe('offsite waits');
  ways.recorded('a', 'v1', 10, 1_200);
  expect(statesOf(ways)?.[2]).toBe('offsite done');
  ways.confirmed('a', 'file manager', 'v1', 1_300);
  expect(lagMs(ways.all())).toBeUndefined();
  ways.passed((key) => key === 'a', 'CDN', 1_500);
  expect(ways.all()[0]?.doneMs).toBe(1_500);
  expect(lagMs(ways.all())).toBe(500);
});

it('does not take the confirmation of an older version for that of the newest', () => {
  const ways = createWays(['offsite']);
  ways.uploaded('a', 10, 0, 1_000);
  ways.recorded('a', 'v2', 10, 1_100);
  ways.confirmed('a', 'offsite', 'v1', 1_200);
  expect(ways.all()[0]?.doneMs).toBeUndefined();
});

it('begins anew with a new version, and knows what the places have of the same bytes already', () => {
  const ways = createWays(['offsite']);
  ways.uploaded('a', 10, 0, 1_000);
  ways.recorded('a', 'v1', 10, 1_100);
  ways.confirmed('a', 'offsite', 'v1', 1_200);
  ways.uploaded('a', 10, 0, 2_000);
  expect(statesOf(ways)).toEqual(['hub done', 'ledger waits', 'offsite waits']);
  ways.recorded('a', 'v1', 10, 2_100);
  expect(statesOf(ways)).toEqual(['hub done', 'ledger done', 'offsite done']);
  ways.recorded('a', 'v3', 11, 3_000);
  expect(ways.all()[0]).toMatchObject({ what: 'put', sizeBytes: 11 });
  expect(statesOf(ways)).toEqual(['hub done', 'ledger done', 'offsite waits']);
});

it('follows a delete until every place has none', () => {
  const ways = createWays(['offsite']);
  ways.recorded('a', 'v1', 10, 1_000);
  ways.confirmed('a', 'offsite', 'v1', 1_100);
  ways.recorded('a', '', 10, 2_000);
  expect(ways.all()[0]?.what).toBe('delete');
  expect(statesOf(ways)?.[2]).toBe('offsite waits');
  ways.confirmed('a', 'offsite', '', 2_500);
  expect(ways.all()[0]?.doneMs).toBe(2_500);
});

it('tells a failure until the stage succeeds', () => {
  const ways = createWays(['file manager']);
  ways.uploaded('a', 10, 0, 1_000);
  ways.recorded('a', 'v1', 10, 1_100);
  ways.failed('a', 'file manager', '503 to saveToDisk');
  expect(ways.all()[0]?.stages[2]).toEqual({
    name: 'file manager',
    state: 'failed',
    reason: '503 to saveToDisk',
  });
  ways.confirmed('a', 'file manager', 'v1', 1_200);
  expect(ways.all()[0]?.stages[2]?.state).toBe('done');
});

it('keeps the newest 500 files, the newest first', () => {
  const ways = createWays([]);
  for (let index = 0; index < 600; index++) ways.uploaded(`f${index}`, 1, 0, index);
  expect(ways.all()).toHaveLength(500);
  expect(ways.all()[0]?.key).toBe('f599');
});
