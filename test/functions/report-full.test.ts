import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { type FullScan, writeFull } from '../../functions/report-full.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { createWorld, down } from './state-report-world.ts';

const PART_BYTES = 60_000;
const LATEST = objectKey('state/latest.csv');

async function ledgerOf(rows: number) {
  const ledger = createMemoryLedger();
  for (let index = 0; index < rows; index++) {
    const key = `k${String(index).padStart(6, '0')}`;
    await ledger.put(ledgerEntry({ key, sizeBytes: index, state: index % 10 === 0 ? 'deleted' : 'present' }));
  }
  return ledger;
}

/** Time for so many looks at the clock. */
function timeFor(looks: number): () => number {
  let seen = 0;
  return () => (++seen > looks ? 1_000 : 900_000);
}

describe('a full state that takes longer than one run', () => {
  it('is the same file, with the same totals, wherever it was cut off', async () => {
    const ledger = await ledgerOf(6_000);
    const whole = createMemoryStore();
    const begin = { time: 't', startedMs: 5 };
    const ports = { ledger, destinations: ['one'], remainingMs: () => 900_000 };
    const expected = await writeFull({ ...ports, reports: whole }, begin, PART_BYTES);
    for (const looks of [3, 4, 7]) {
      const reports = createMemoryStore();
      let at: typeof begin | FullScan = begin;
      let runs = 0;
      for (;;) {
        runs++;
        const answer = await writeFull({ ...ports, reports, remainingMs: timeFor(looks) }, at, PART_BYTES);
        if ('done' in answer) {
          expect(answer).toEqual(expected);
          break;
        }
        expect(reports.contents(LATEST)).toBeUndefined();
        // It goes through JSON between the runs.
        at = JSON.parse(JSON.stringify(answer.unfinished)) as FullScan;
      }
      expect(runs).toBeGreaterThan(1);
      expect(String(reports.contents(LATEST)) === String(whole.contents(LATEST))).toBe(true);
      expect(String(reports.contents(objectKey('state/t.csv'))) === String(whole.contents(LATEST))).toBe(
        true,
      );
      expect(reports.openUploads()).toBe(0);
    }
  });

  it('goes on from the last saved place when a run has written more and could not say so', async () => {
    const ledger = await ledgerOf(6_000);
    const reports = createMemoryStore();
    const ports = { ledger, reports, destinations: [] };
    const begin = { time: 't', startedMs: 0 };
    const first = await writeFull({ ...ports, remainingMs: timeFor(3) }, begin, PART_BYTES);
    if ('done' in first) throw new Error('there was no time for all of it');
    await writeFull({ ...ports, remainingMs: timeFor(3) }, first.unfinished, PART_BYTES);
    const last = await writeFull({ ...ports, remainingMs: () => 900_000 }, first.unfinished, PART_BYTES);
    expect(last).toMatchObject({ done: { rows: 6_000, totals: { objects: 5_400, tombstones: 600 } } });
    const lines = String(reports.contents(LATEST)).split('\r\n');
    expect(lines).toHaveLength(6_002);
    expect(new Set(lines).size).toBe(6_002);
  });

  it('says so when the time does not suffice for the first part, and leaves nothing behind', async () => {
    const ledger = await ledgerOf(1_000);
    const reports = createMemoryStore();
    const ports = { ledger, reports, destinations: [], remainingMs: () => 1_000 };
    await expect(writeFull(ports, { time: 't', startedMs: 0 })).rejects.toMatchObject({ code: 'OutOfTime' });
    expect(reports.openUploads()).toBe(0);
  });
});

describe('a run that goes on with a full state', () => {
  it('begins anew when the upload is not there any more, or has other columns', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    const uploadId = await world.reports.createMultipart(LATEST, { metadata: {} });
    const scan = (destinations: string[]) => ({
      time: '2026-01-01T00:00:00.000Z',
      startedMs: 0,
      destinations,
      after: 'a',
      rows: 1,
      totals: {
        objects: 1,
        bytes: 1,
        tombstones: 0,
        delivered: { current: 0, behind: 0, gone: 0, untold: 1, oldestBehindMs: 0 },
        destinations: {},
      },
      sent: { uploads: [{ key: 'state/latest.csv', uploadId }], parts: 1 },
    });
    await world.controls.put('state-report', { scan: scan(['one']) }, 0);
    await expect(world.run()).rejects.toThrow('has 0 of its 1 parts');
    expect((await world.run()).files.full).toBe('state/2026-01-02T03:04:05.001Z.csv');

    const stored = await world.controls.get('state-report');
    await world.controls.put('state-report', { scan: scan(['another']) }, stored?.revision ?? 0);
    expect((await world.run()).files.full).toBeDefined();
    expect(world.reports.openUploads()).toBe(0);
  });

  it('tells the changes meanwhile', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(3);
    const ledger = {
      get: world.ledger.get,
      async *entries() {
        yield* world.ledger.entries();
        throw down(true);
      },
    };
    await expect(world.run({}, { ledger })).rejects.toThrow('no');
    await world.write({ key: 'b' });
    world.pass(3);
    expect((await world.run()).changes).toMatchObject({ created: 1 });
  });
});
