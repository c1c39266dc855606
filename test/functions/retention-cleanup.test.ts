import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { RetentionRule } from '#core/settings/deployment.ts';
import { runRetention } from '../../functions/retention-cleanup.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;
const rule = (fields: Partial<RetentionRule> = {}): RetentionRule => ({
  name: 'old',
  prefix: '',
  olderThan: DAY_MS,
  requires: 'nothing',
  maxRemovals: 100,
  dryRun: false,
  ...fields,
});

/** A hub with objects of two days ago, each known to the ledger. */
async function world(count: number, storeNowMs = NOW_MS) {
  let storeMs = NOW_MS - 2 * DAY_MS;
  const hub = createMemoryStore({ bucket: 'hub', nowMs: () => storeMs });
  const reports = createMemoryStore({ bucket: 'reports', nowMs: () => storeNowMs });
  const ledger = createMemoryLedger();
  const { log, lines } = createMemoryLog();
  for (let index = 0; index < count; index++) {
    const key = `k${index}`;
    const { etag } = await hub.put(objectKey(key), Buffer.from(key), { metadata: {} });
    await ledger.put(ledgerEntry({ key, etag, eventTimeMs: storeMs }));
  }
  storeMs = NOW_MS;
  const ports = { ledger, hub, reports, log, lines, nowMs: () => NOW_MS, remainingMs: () => 900_000 };
  const removals = (runId = 'run') =>
    String(reports.contents(objectKey(`removals/${runId}.ndjson`)))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...ports, ports, removals };
}

const run = (rules: RetentionRule[], destinations: string[] = []) => ({ runId: 'run', rules, destinations });

describe('a retention run', () => {
  it('removes what a rule lets go, and records what and why', async () => {
    const { ports, hub, removals } = await world(2);
    expect(await runRetention(ports, run([rule()]))).toEqual({
      runId: 'run',
      record: 'removals/run.ndjson',
      removed: 2,
      wouldRemove: 0,
      kept: 0,
      capped: [],
      complete: true,
    });
    expect(hub.contents(objectKey('k0'))).toBeUndefined();
    expect(removals()[0]).toMatchObject({
      key: 'k0',
      rule: 'old',
      reason: 'rule old: 2.0 days old',
      outcome: 'removed',
    });
  });

  it('has its intent on record before the first delete', async () => {
    const { ports, hub, removals } = await world(1);
    let before: unknown;
    hub.before((op) => {
      if (op === 'delete') before = removals()[0]?.outcome;
    });
    await runRetention(ports, run([rule()]));
    expect(before).toBe('intended');
  });

  it('removes nothing when it cannot record', async () => {
    const { ports, hub, reports } = await world(1);
    reports.before(() => {
      throw new SyncError('denied', { op: 'PutObject', retryable: false, code: 'AccessDenied' });
    });
    await expect(runRetention(ports, run([rule()]))).rejects.toThrow('denied');
    expect(hub.contents(objectKey('k0'))).toBeDefined();
  });

  it('records what was removed before a failure, and what was not', async () => {
    const { ports, hub, removals } = await world(20);
    hub.before((op, key) => {
      if (op === 'delete' && key === 'k19') throw new SyncError('down', { op, key, retryable: true });
    });
    await expect(runRetention(ports, run([rule()]))).rejects.toThrow('down');
    for (const { key, outcome } of removals()) {
      expect(outcome).toBe(hub.contents(objectKey(String(key))) === undefined ? 'removed' : 'intended');
    }
  });

  it('keeps what is no longer what the ledger knows', async () => {
    const { ports, hub, removals } = await world(2);
    await hub.put(objectKey('k0'), Buffer.from('other'), { metadata: {} });
    await hub.put(objectKey('k1'), Buffer.from('k1'), { metadata: {} });
    expect(await runRetention(ports, run([rule()]))).toMatchObject({ removed: 0, kept: 2 });
    expect(hub.contents(objectKey('k0'))).toBeDefined();
    expect(removals().map(({ reason }) => reason)).toEqual([
      'the object is not the one that the ledger knows',
      'it was written again since',
    ]);
  });

  it('keeps what changes between HEAD and delete', async () => {
    const { ports, hub } = await world(1);
    hub.before(async (op, key) => {
      if (op !== 'delete') return;
      hub.before(() => undefined);
      await hub.put(key, Buffer.from('newer'), { metadata: {} });
    });
    expect(await runRetention(ports, run([rule()]))).toMatchObject({ removed: 0, kept: 1 });
    expect(String(hub.contents(objectKey('k0')))).toBe('newer');
  });

  it('keeps what the destinations have not confirmed', async () => {
    const { ports, ledger, hub } = await world(2);
    const etag = (await ledger.get(objectKey('k0')))?.etag ?? '';
    await ledger.recordMirror(objectKey('k0'), 'one', { sourceEtag: etag, atMs: 0 });
    const answer = await runRetention(ports, run([rule({ requires: 'mirrored' })], ['one']));
    expect(answer).toMatchObject({ removed: 1 });
    expect(hub.contents(objectKey('k1'))).toBeDefined();
  });

  it('stops at the cap, says so, and goes on the next time', async () => {
    const { ports } = await world(12);
    const capped = run([rule({ maxRemovals: 5 })]);
    expect(await runRetention(ports, capped)).toMatchObject({ removed: 5, capped: ['old'] });
    expect(await runRetention(ports, { ...capped, runId: 'second' })).toMatchObject({ kept: 5, removed: 5 });
  });

  it('does not let what HEAD keeps use up the cap', async () => {
    const { ports, hub } = await world(12);
    // k8 and k9 come last in key order.
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]) {
      await hub.put(objectKey(`k${index}`), Buffer.from('other'), { metadata: {} });
    }
    expect(await runRetention(ports, run([rule({ maxRemovals: 2 })]))).toMatchObject({
      removed: 2,
      kept: 10,
    });
  });

  it('deletes nothing in a dry run, and records what it would', async () => {
    const { ports, hub, removals } = await world(2);
    const answer = await runRetention(ports, run([rule({ dryRun: true })]));
    expect(answer).toMatchObject({ removed: 0, wouldRemove: 2 });
    expect(hub.calls.filter((call) => call.startsWith('delete'))).toEqual([]);
    expect(removals().map(({ outcome }) => outcome)).toEqual(['would remove', 'would remove']);
  });

  it("measures age by the store's clock, and refuses when the clocks disagree", async () => {
    const early = await world(1, NOW_MS - DAY_MS - 60_000 + 1);
    await expect(runRetention(early.ports, run([rule()]))).rejects.toThrow(/differ by/);
    expect(early.hub.contents(objectKey('k0'))).toBeDefined();
    const late = await world(1);
    const ports = { ...late.ports, nowMs: () => NOW_MS + 60_000 };
    const young = rule({ olderThan: 2 * DAY_MS + 30_000 });
    expect(await runRetention(ports, run([young]))).toMatchObject({ removed: 0 });
  });

  it('stops in time, and says that it has not seen everything', async () => {
    const { ports } = await world(3);
    const answer = await runRetention({ ...ports, remainingMs: () => 1_000 }, run([rule()]));
    expect(answer).toMatchObject({ removed: 0, complete: false });
  });
});
