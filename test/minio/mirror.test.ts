/** Mirror and reconcile between two buckets of a real server. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { withExactKeys } from '#adapters/exact-keys.ts';
import { type MirrorHints, mirrorObject } from '#adapters/mirror-object.ts';
import { reconcile } from '#adapters/reconcile.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { Look } from '#core/ports.ts';
import { parseReconcile } from '#core/reconcile-message.ts';
import { contentOf } from '../contracts/object-store.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { OPEN_GUARD } from '../doubles/mirror-world.ts';
import { storeCredentials } from '../edge-agent/agent-process.ts';

const MIB = 1024 * 1024;
const LIMITS = inject('storeLimits') ?? {};
const stores: S3Store[] = [];
afterAll(() => Promise.all(stores.map((store) => store.close())));

function storeOn(bucket: string): S3Store {
  const store = createS3Store({
    bucket,
    region: 'us-east-1',
    endpoint: inject('endpoint'),
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
    crc32: true,
  });
  stores.push(store);
  return store;
}

describe.each(['server', 'stream'] as const)('between buckets of a real server, copying by %s', (way) => {
  const id = randomUUID();
  const hub = storeOn(`hub-${id}`);
  const destination = storeOn(`mirror-${id}`);
  const controls = createMemoryControls();
  const sent: Look[] = [];
  const looks = { send: async (more: readonly Look[]) => void sent.push(...more) };
  const ledger = createMemoryLedger();
  const guard = createDeleteGuard(controls, 'one', OPEN_GUARD, Date.now);
  const settings = { name: 'one', prefix: 'in/', deletes: true, way, tags: true, createBucket: true };
  let remainingMs: () => number = () => 900_000;
  const ports = {
    hub,
    destination,
    ledger,
    controls,
    guard,
    looks,
    budget: createByteBudget(64 * MIB),
    nowMs: Date.now,
    remainingMs: () => remainingMs(),
  };
  const mirror = (key: ObjectKey, hints: MirrorHints = {}) => mirrorObject(ports, settings, key, hints);
  const target = (key: ObjectKey) => objectKey(settings.prefix + key);

  beforeAll(() => hub.createBucket());

  it('makes the bucket, and carries bytes, attributes and tags', async () => {
    const control = LIMITS.listsControls === false ? '' : '\u0001';
    const key = objectKey(`dir/ü +&%${control} tagged`);
    const attributes = { metadata: { mtime: '1.5' }, contentType: 'text/plain', cacheControl: 'no-cache' };
    await hub.put(key, Buffer.from('hello'), { ...attributes, tags: { 'a b': 'c=d' } });
    expect(await mirror(key)).toMatchObject({ did: 'copied' });
    expect(await contentOf(destination, target(key))).toBe('hello');
    expect(await destination.head(target(key))).toMatchObject({
      contentType: 'text/plain',
      cacheControl: 'no-cache',
    });
    expect(await destination.tags(target(key))).toEqual({ 'a b': 'c=d' });
    await hub.setTags(key, { e: 'f' });
    expect(await mirror(key, { tagging: true })).toMatchObject({ did: 'tagged' });
    expect(await destination.tags(target(key))).toEqual({ e: 'f' });
  });

  if (LIMITS.encrypts !== false) {
    it('copies what is encrypted by KMS, whose ETag is no MD5', async () => {
      const key = objectKey('encrypted');
      await hub.put(key, Buffer.from('secret'), { metadata: {}, encryption: { type: 'aws:kms' } });
      expect((await hub.head(key))?.md5).toBeUndefined();
      expect(await mirror(key)).toMatchObject({ did: 'copied' });
      expect(await mirror(key)).toMatchObject({ did: 'nothing' });
      expect(await contentOf(destination, target(key))).toBe('secret');
    });
  }

  it('goes on with a copy in parts where it was, and leaves no upload', async () => {
    const key = objectKey('large');
    // Two parts for the server, which copies 256 MiB at once; many for a stream, which are those of the source.
    const body = Buffer.alloc(way === 'server' ? 257 * MIB : 81 * MIB, 'sluice');
    const partBytes = way === 'server' ? 64 * MIB : 16 * MIB;
    const parts: { partNumber: number; etag: string }[] = [];
    const uploadId = await hub.createMultipart(key, { metadata: {}, tags: { a: '1' } });
    for (let at = 0; at < body.length; at += partBytes) {
      parts.push(await hub.uploadPart(key, uploadId, parts.length + 1, body.subarray(at, at + partBytes)));
    }
    await hub.completeMultipart(key, uploadId, parts);
    let asked = 0;
    remainingMs = () => (++asked > (way === 'server' ? 2 : 8) ? 0 : 900_000);
    expect(await mirror(key)).toMatchObject({ did: 'continued' });
    const [open] = await Array.fromAsync(destination.listUploads(target(key)));
    const done = await Array.fromAsync(destination.listParts(target(key), open?.uploadId ?? ''));
    expect(done.length).toBeGreaterThan(0);
    remainingMs = () => 900_000;
    expect(await mirror(key, { look: true })).toMatchObject({ did: 'copied' });
    expect((await contentOf(destination, target(key))) === String(body)).toBe(true);
    if (way === 'stream')
      expect((await destination.head(target(key)))?.etag).toBe((await hub.head(key))?.etag);
    expect(await destination.tags(target(key))).toEqual({ a: '1' });
    expect(await Array.fromAsync(destination.listUploads(target(key)))).toEqual([]);
  });

  it('finds in the listings exactly what differs', async () => {
    for (const key of ['a', 'b', '😀', '\uff5e', 'dir/z'].map(objectKey)) {
      await hub.put(key, Buffer.from(key), { metadata: {} });
      await mirror(key);
    }
    await hub.delete(objectKey('a'));
    await destination.delete(target(objectKey('😀')));
    await destination.put(target(objectKey('b')), Buffer.from('c'), { metadata: {} });
    const run = async () => {
      const next = async () => undefined;
      const all = { ...ports, reports: storeOn(`mirror-${id}`), next };
      return reconcile(all, settings, parseReconcile('{}'), `run-${randomUUID()}`);
    };
    sent.length = 0;
    expect(await run()).toMatchObject({ result: { copies: 2, deletes: 1, records: 0, held: 0 } });
    expect(sent.map(({ key }) => key)).toEqual(['b', '😀', 'a']);
    for (const { key, approvedBy } of sent.splice(0))
      await mirror(key, { approved: approvedBy !== undefined });
    expect(await run()).toMatchObject({ result: { differences: 0, records: 0 } });
  });
});

it('never overwrites one object with another that the server keeps under its key', async () => {
  const store = storeOn(`paths-${randomUUID()}`);
  await store.createBucket();
  const exact = withExactKeys(store);
  await exact.put(objectKey('a/b'), Buffer.from('kept'), { metadata: {} });
  for (const key of ['a//b', '/a/b', './a/b', 'x/../a/b'].map(objectKey)) {
    // A server may take the key as it is, refuse it, or keep it under another: then it must be refused here.
    await exact.put(key, Buffer.from('other'), { metadata: {} }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(SyncError);
    });
    await exact.delete(key).catch((error: unknown) => expect(error).toBeInstanceOf(SyncError));
    expect(await contentOf(store, objectKey('a/b')), key).toBe('kept');
  }
});
