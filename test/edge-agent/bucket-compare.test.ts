/** What a comparison does with keys, on stores and a ledger of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { openBucketsDb } from '#adapters/host/buckets-db.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { compareBucket, releaseHeld } from '../../edge-agent/bucket-compare.ts';
import { createLane } from '../../edge-agent/bucket-lane.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const DAY_MS = 86_400_000;

function comparing(wish: { nowMs?: number; destination?: object } = {}) {
  const base = mkdtempSync(join(tmpdir(), 'sluice-compare-'));
  const db = openBucketsDb(join(base, 'buckets.db'));
  onTestFinished(() => {
    db.close();
    rmSync(base, { recursive: true });
  });
  const place = { bucket: 'source', endpoint: 'http://minio:9000' };
  const target = { ...place, name: 'b', bucket: 'target', ...wish.destination };
  const [bucket] = agentSettings.parse({
    buckets: [{ name: 'one', source: place, destinations: [target] }],
  }).buckets;
  const destination = bucket?.destinations[0];
  if (bucket === undefined || destination === undefined) throw new Error('no bucket');
  const [hub, other] = [createMemoryStore({ bucket: 'source' }), createMemoryStore({ bucket: 'target' })];
  const controls = db.controls('one');
  const now = { ms: wish.nowMs ?? Date.now() };
  const { log, lines } = createMemoryLog();
  const inside = {
    bucket,
    destination,
    ports: {
      hub: hub as ObjectStore,
      destination: other,
      ledger: db.ledger('one'),
      controls,
      guard: createDeleteGuard(controls, 'b', destination.guard, () => now.ms),
      budget: createByteBudget(1024 * 1024),
      nowMs: () => now.ms,
    },
    ledger: db.ledger('one'),
    way: 'stream' as const,
    tags: false,
    tasks: db.tasks('one', 'b'),
    plan: db.tasks('one', 'b/plan'),
    held: db.tasks('one', 'b/held'),
    log,
    metrics: { done() {}, lag() {} },
    nowMs: () => now.ms,
    random: () => 0.5,
    stopping: new AbortController().signal,
    onBroken(error: unknown) {
      throw error;
    },
  };
  const context = { ...inside, lane: createLane(inside) };
  return { context, hub, target: other, db, now, lines };
}

const put = (store: ObjectStore, key: string) =>
  store.put(objectKey(key), Buffer.from(key), { metadata: {} });
const keysIn = async (store: ObjectStore) => (await Array.fromAsync(store.list(''))).map(({ key }) => key);

it('deletes nothing where the listing of the source breaks off', async () => {
  const { context, hub, target } = comparing();
  for (const key of ['a', 'b', 'c', 'd']) await put(target, key);
  await put(hub, 'a');
  async function* broken(): ReturnType<ObjectStore['list']> {
    yield* hub.list('');
    throw new SyncError('the listing ended', { op: 'ListObjectsV2', retryable: true });
  }
  context.ports.hub = { ...hub, list: broken };
  await expect(compareBucket(context, 'run')).rejects.toThrow('the listing ended');
  expect(await keysIn(target)).toEqual(['a', 'b', 'c', 'd']);
});

it('forgets a key that both sides have lost, after it was looked at and a day has passed', async () => {
  const { context, hub, target, db, now } = comparing();
  const key = objectKey('gone');
  await put(hub, 'gone');
  await compareBucket(context, 'first');
  expect((await db.ledger('one').get(key))?.mirrors.b?.sourceEtag).not.toBe('');
  for (const store of [hub, target]) await store.delete(key);
  now.ms += 1;
  await compareBucket(context, 'second');
  expect((await db.ledger('one').get(key))?.mirrors.b?.sourceEtag).toBe('');
  now.ms += DAY_MS + 1;
  await compareBucket(context, 'third');
  expect(await db.ledger('one').get(key)).toBeUndefined();
});

it('releases exactly the deletes that were held, and judges later ones by themselves', async () => {
  const { context, hub, target } = comparing({ destination: { guard: { count: 1 } } });
  for (const key of ['a', 'b', 'c', 'd', 'e']) await put(target, key);
  for (const key of ['c', 'd', 'e']) await put(hub, key);
  expect(await compareBucket(context, 'first')).toMatchObject({ deletes: 2, held: 2 });
  for (const key of ['c', 'd']) await hub.delete(objectKey(key));
  expect(await releaseHeld(context)).toBe(2);
  expect(await keysIn(target)).toEqual(['c', 'd', 'e']);
  expect(await compareBucket(context, 'second')).toMatchObject({ deletes: 2, held: 2 });
  expect(await keysIn(target)).toEqual(['c', 'd', 'e']);
});

it('does not carry out an approved delete of what is back at the source', async () => {
  const { context, hub, target } = comparing({ destination: { guard: { count: 0 } } });
  await put(target, 'a');
  expect(await compareBucket(context, 'first')).toMatchObject({ held: 1 });
  await put(hub, 'a');
  await releaseHeld(context);
  expect(await keysIn(target)).toEqual(['a']);
});

it('drops held deletes that are no longer asked for', async () => {
  const { context, hub, target } = comparing({ destination: { guard: { count: 0 } } });
  await put(target, 'a');
  await compareBucket(context, 'first');
  expect(context.held.counts().held).toBe(1);
  await put(hub, 'a');
  expect(await compareBucket(context, 'second')).toMatchObject({ held: 0 });
  expect(context.held.counts().held).toBe(0);
});

it('keeps held what an event had held while it compared', async () => {
  const { context, hub, target, now } = comparing({ destination: { guard: { count: 0 } } });
  await put(hub, 'b');
  await put(target, 'a');
  await put(target, 'b');
  const { list } = hub;
  context.ports.hub = {
    ...hub,
    async *list(...call) {
      yield* list(...call);
      // After both sides were listed, and before the comparison ends.
      now.ms += 1;
      await hub.delete(objectKey('b'));
      await context.lane.offer(objectKey('b'), {});
      await context.lane.idle();
    },
  };
  expect(await compareBucket(context, 'run')).toMatchObject({ held: 1 });
  expect(context.held.inState('held').map(({ key }) => key)).toEqual(['a', 'b']);
  expect(await releaseHeld(context)).toBe(2);
  expect(await keysIn(target)).toEqual([]);
});

it('looks at a key once more when it changes while it is in work', async () => {
  const { context, hub, target } = comparing();
  const key: ObjectKey = objectKey('a');
  await put(hub, 'a');
  void context.lane.offer(key);
  await hub.put(key, Buffer.from('later'), { metadata: {} });
  void context.lane.offer(key);
  await context.lane.idle();
  expect((await target.head(key))?.sizeBytes).toBe(5);
});

const many = Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(2, '0')}`);
const asked = ({ calls }: { calls: string[] }, op: string) =>
  calls.filter((call) => call.startsWith(`${op} `)).length;

it('confirms many copies with one listing, and asks for none of them', async () => {
  const { context, hub, target } = comparing();
  for (const key of many) await put(hub, key);
  for (const store of [hub, target]) store.calls.length = 0;
  expect(await compareBucket(context, 'run')).toMatchObject({ copies: many.length, objects: many.length });
  expect(await keysIn(target)).toEqual(many);
  expect([asked(hub, 'get'), asked(hub, 'head'), asked(hub, 'list')]).toEqual([many.length, 0, 2]);
  expect([asked(target, 'put'), asked(target, 'head')]).toEqual([many.length, 0]);
});

it('asks for each of a few copies, which costs less than a page', async () => {
  const { context, hub } = comparing();
  for (const key of many.slice(0, 3)) await put(hub, key);
  hub.calls.length = 0;
  await compareBucket(context, 'run');
  expect([asked(hub, 'head'), asked(hub, 'list')]).toEqual([3, 1]);
});

it.each([
  [
    'replaced',
    async (hub: ObjectStore) =>
      void (await hub.put(objectKey('k07'), Buffer.from('newer'), { metadata: {} })),
  ],
  ['deleted', async (hub: ObjectStore) => void (await hub.delete(objectKey('k07')))],
])('sees in that listing what was %s after its copy, and goes again', async (_how, change) => {
  const { context, hub, target } = comparing();
  for (const key of many) await put(hub, key);
  let copied = 0;
  target.before(async (op) => {
    if (op === 'put' && ++copied === many.length) await change(hub);
  });
  await compareBucket(context, 'run');
  expect(target.contents(objectKey('k07'))).toEqual(hub.contents(objectKey('k07')));
});

it('ends as failed when the copies cannot be confirmed', async () => {
  const { context, hub } = comparing();
  for (const key of many) await put(hub, key);
  let listings = 0;
  hub.before((op) => {
    if (op === 'list' && ++listings === 2) throw new SyncError('the listing ended', { op, retryable: true });
  });
  await expect(compareBucket(context, 'run')).rejects.toThrow('the listing ended');
});

it('notes a copy that fails among many, and makes it when it is tried again', async () => {
  const { context, hub, target, now } = comparing();
  for (const key of many) await put(hub, key);
  target.before((op, key) => {
    if (op === 'put' && key === 'k07') throw new SyncError('SlowDown', { op, retryable: true });
  });
  await compareBucket(context, 'run');
  expect(context.tasks.counts().waiting).toBe(1);
  target.before(() => undefined);
  now.ms += DAY_MS;
  context.lane.offerDue();
  await context.lane.idle();
  expect(await keysIn(target)).toEqual(many);
});
