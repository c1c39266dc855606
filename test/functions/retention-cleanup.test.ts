import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import { runRetention } from '../../functions/retention-cleanup.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';
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
  tags: {},
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
    await ledger.put(ledgerEntry({ key, etag, sizeBytes: key.length, eventTimeMs: storeMs }));
  }
  storeMs = NOW_MS;
  const controls = createMemoryControls();
  const ports = {
    ledger,
    hub,
    reports,
    controls,
    log,
    lines,
    nowMs: () => NOW_MS,
    remainingMs: () => 900_000,
  };
  const removals = (runId = 'run') =>
    String(reports.contents(objectKey(`removals/${runId}.ndjson`)))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...ports, ports, removals };
}

const run = (rules: RetentionRule[], destinations: string[] = []) => ({
  runId: 'run',
  rules,
  destinations,
  dryRun: false,
});

describe('a retention run', () => {
  it('keeps an object whose row changes after it was read: its mirrors may hold another version by now', async () => {
    const { ports, hub, ledger, removals } = await world(1);
    const key = objectKey('k0');
    const row = await ledger.get(key);
    const head: typeof hub.head = async (asked) => {
      const found = await hub.head(asked);
      await ledger.recordMirror(key, 'offsite', {
        sourceEtag: 'another',
        atMs: NOW_MS,
      });
      return found;
    };
    await runRetention({ ...ports, hub: { ...hub, head } }, run([rule()]));
    expect(await hub.head(key)).toMatchObject({ etag: row?.etag });
    expect(removals()[0]).toMatchObject({
      outcome: 'kept',
      reason: 'its row in the ledger changed just now',
    });
  });

  it('removes what a rule lets go, and records what and why', async () => {
    const { ports, hub, reports, removals } = await world(2);
    const result = await runRetention(ports, run([rule()]));
    expect(result).toEqual({
      runId: 'run',
      record: 'removals/run.ndjson',
      startedMs: NOW_MS,
      endedMs: NOW_MS,
      removed: 2,
      removedBytes: 4,
      wouldRemove: 0,
      kept: 0,
      dryRun: false,
      capped: [],
      complete: true,
    });
    expect(
      JSON.parse(String(reports.contents(objectKey('runs/retention/1970-04-11T00:00:00.000Z.json')))),
    ).toEqual(result);
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
    const { ports, hub, removals } = await world(30);
    hub.before((op, key) => {
      if (op === 'delete' && key >= 'k19') throw new SyncError('down', { op, key, retryable: true });
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

  it('keeps what the destinations have not confirmed, or had before it was written again with the same bytes', async () => {
    const { ports, ledger, hub } = await world(3);
    for (const [key, atMs] of [
      ['k0', NOW_MS],
      ['k1', 0],
    ] as const) {
      const etag = (await ledger.get(objectKey(key)))?.etag ?? '';
      await ledger.recordMirror(objectKey(key), 'one', { sourceEtag: etag, atMs });
    }
    const answer = await runRetention(ports, run([rule({ requires: 'mirrored' })], ['one']));
    expect(answer).toMatchObject({ removed: 1 });
    for (const key of ['k1', 'k2']) expect(hub.contents(objectKey(key))).toBeDefined();
  });

  it('stops at the cap, says so, and goes on the next time, until it begins anew', async () => {
    const { ports, hub } = await world(12);
    const capped = run([rule({ maxRemovals: 5 })]);
    const removed = async (runId: string) => {
      const {
        removed: count,
        kept,
        capped: rules,
        complete,
      } = await runRetention(ports, { ...capped, runId });
      return { count, kept, rules, complete };
    };
    expect(await removed('1')).toEqual({ count: 5, kept: 0, rules: ['old'], complete: false });
    expect(await removed('2')).toEqual({ count: 5, kept: 0, rules: ['old'], complete: false });
    expect(await removed('3')).toEqual({ count: 2, kept: 0, rules: [], complete: true });
    expect(hub.calls.filter((call) => call.startsWith('delete'))).toHaveLength(12);
    // The events of the deletes have not come yet.
    expect(await removed('4')).toEqual({ count: 0, kept: 12, rules: [], complete: true });
  });

  it('gives the end of the ledger its turn although the beginning always has enough for the cap', async () => {
    const { ports, hub, ledger } = await world(4);
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      await runRetention(ports, { ...run([rule({ maxRemovals: 2 })]), runId: `run-${round}` });
      for (const call of hub.calls.filter((one) => one.startsWith('delete'))) seen.add(call);
      for (const key of ['a', 'b'].map((name) => `${name}${round}`)) {
        const { etag } = await hub.put(objectKey(key), Buffer.from(key), { metadata: {} });
        await ledger.put(ledgerEntry({ key, etag, sizeBytes: 2, eventTimeMs: NOW_MS - 2 * DAY_MS }));
      }
    }
    expect(seen).toContain('delete k3');
  });

  it('holds up no rule by the cap of another', async () => {
    const { ports, removals } = await world(6);
    const rules = [rule({ name: 'few', maxRemovals: 2 }), rule({ name: 'many' })];
    expect(await runRetention(ports, run(rules))).toMatchObject({ removed: 6, capped: ['few'] });
    expect(removals().map((removal) => removal.rule)).toEqual(['few', 'few', 'many', 'many', 'many', 'many']);
  });

  it('removes by tags, which it asks for of candidates only, and by the next rule where they do not fit', async () => {
    const { ports, hub, ledger, removals } = await world(3);
    await hub.setTags(objectKey('k0'), { scratch: 'yes', other: 'tag' });
    await hub.setTags(objectKey('k1'), { scratch: 'no' });
    const young = await hub.put(objectKey('young'), Buffer.from('young'), { metadata: {} });
    await ledger.put(ledgerEntry({ key: 'young', etag: young.etag, sizeBytes: 5, eventTimeMs: NOW_MS }));
    const rules = [
      rule({ name: 'tagged', tags: { scratch: 'yes' } }),
      rule({ name: 'second', prefix: 'k2' }),
    ];
    expect(await runRetention(ports, run(rules))).toMatchObject({ removed: 2, kept: 1 });
    expect(removals()).toMatchObject([
      { key: 'k0', rule: 'tagged', outcome: 'removed' },
      { key: 'k1', outcome: 'kept', reason: 'it does not carry the tag scratch=yes' },
      { key: 'k2', rule: 'second', outcome: 'removed' },
    ]);
    expect(hub.calls.filter((call) => call.startsWith('tags')).toSorted()).toEqual([
      'tags k0',
      'tags k1',
      'tags k2',
    ]);
  });

  it('does not let a key that always fails hold up those after it, and fails in the end', async () => {
    const { ports, hub, controls, removals } = await world(3);
    hub.before((op, key) => {
      if (op === 'delete' && key === 'k0') throw new SyncError('denied', { op, key, retryable: false });
    });
    await expect(runRetention(ports, run([rule()]))).rejects.toThrow('denied');
    expect(removals().map(({ outcome }) => outcome)).toEqual(['intended', 'removed', 'removed']);
    const { value } = (await controls.get('retention')) ?? {};
    expect(value).toMatchObject({ after: {}, last: { removed: 2, complete: true, error: 'denied' } });
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

  it('refuses when the hub of another store has another time than this clock', async () => {
    const { ports, hub } = await world(1);
    const skewed = (ms: number) => ({ ...ports, hub: { ...hub, clockSkewMs: () => ms } });
    await expect(runRetention(skewed(-3 * DAY_MS), run([rule()]))).rejects.toMatchObject({
      code: 'ClockSkew',
    });
    expect(hub.contents(objectKey('k0'))).toBeDefined();
    expect(await runRetention(skewed(60_000), run([rule()]))).toMatchObject({ removed: 1 });
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

  it('removes nothing when it is asked for a dry run, and lets the next run begin where it would have', async () => {
    const { ports, hub, controls } = await world(3);
    const dry = { ...run([rule({ maxRemovals: 2 })]), dryRun: true };
    expect(await runRetention(ports, dry)).toMatchObject({ removed: 0, wouldRemove: 2, dryRun: true });
    expect(hub.calls.filter((call) => call.startsWith('delete'))).toEqual([]);
    expect(await controls.get('retention')).toBeUndefined();
  });

  it('stops in time, says where, and goes on from there the next time', async () => {
    const { ports, hub } = await world(4);
    let looks = 0;
    const hurried = { ...ports, remainingMs: () => (++looks > 2 ? 1_000 : 900_000) };
    expect(await runRetention(hurried, run([rule()]))).toMatchObject({
      removed: 2,
      complete: false,
      stoppedAt: 'k1',
    });
    expect(await runRetention(ports, { ...run([rule()]), runId: 'second' })).toMatchObject({
      removed: 2,
      kept: 0,
      complete: true,
    });
    expect(hub.contents(objectKey('k3'))).toBeUndefined();
  });
});
