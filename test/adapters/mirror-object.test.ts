import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { SOURCE_ETAG } from '#core/mirror-plan.ts';
import { mirrorWorld, type WorldFields } from '../doubles/mirror-world.ts';

const MIB = 1024 * 1024;
const key = objectKey('dir/a file');
const plain = { metadata: {} };
const WAYS = ['server', 'stream'] as const;

const world = (fields: WorldFields = {}) => mirrorWorld(key, fields);

describe.each(WAYS)('mirroring by %s', (way) => {
  it('copies bytes, metadata and content headers, below the prefix, and notes it', async () => {
    const { hub, destination, ledger, mirror } = world({ way, prefix: 'copy/' });
    const attributes = { metadata: { mtime: '1.5' }, contentType: 'text/plain' };
    const { etag } = await hub.put(key, Buffer.from('hello'), attributes);
    expect(await mirror()).toMatchObject({ did: 'copied', sizeBytes: 5 });
    const target = objectKey(`copy/${key}`);
    expect(String(destination.contents(target))).toBe('hello');
    expect(await destination.head(target)).toMatchObject({
      contentType: 'text/plain',
      metadata: { mtime: '1.5', [SOURCE_ETAG]: etag },
    });
    expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(etag);
  });

  it('copies large objects in parts, and knows them again', async () => {
    const { hub, destination, mirror } = world({ way });
    const body = Buffer.alloc(64 * MIB + 3, 'abcdefg');
    await hub.put(key, body, { metadata: { a: '1' } });
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(destination.contents(key)?.equals(body)).toBe(true);
    expect(await destination.head(key)).toMatchObject({ metadata: { a: '1' } });
    expect(await mirror()).toMatchObject({ did: 'nothing', reason: 'the destination is up to date' });
  });

  it('aborts the parts of a copy that fails', async () => {
    const { hub, destination, mirror } = world({ way });
    await hub.put(key, Buffer.alloc(64 * MIB + 1), plain);
    const slowDown = new SyncError('SlowDown', { op: 'UploadPart', retryable: true, code: 'SlowDown' });
    let parts = 0;
    destination.before((op) => {
      if (op.startsWith('uploadPart') && ++parts === 1) throw slowDown;
    });
    await expect(mirror()).rejects.toBe(slowDown);
    expect(destination.openUploads()).toBe(0);
    expect(destination.contents(key)).toBeUndefined();
  });

  it.each(['head', 'get', 'copy', 'put', 'uploadPart', 'uploadPartCopy', 'completeMultipart'])(
    'ends with the newest state when the source is replaced at %s',
    async (when) => {
      const { hub, destination, ledger, mirror } = world({ way });
      await hub.put(key, Buffer.alloc(64 * MIB + 1, 1), plain);
      let replaced = false;
      const replace = async (op: string) => {
        if (op !== when || replaced) return;
        replaced = true;
        await hub.put(key, Buffer.from('newer'), plain);
      };
      hub.before(replace);
      destination.before(replace);
      await mirror();
      const { etag } = (await hub.head(key)) ?? {};
      expect(destination.contents(key)?.equals(hub.contents(key) ?? Buffer.alloc(0))).toBe(true);
      expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(etag);
      expect(destination.openUploads()).toBe(0);
    },
  );

  it('gives up, to be tried again, on a source that never rests', async () => {
    const { hub, destination, mirror } = world({ way });
    let version = 0;
    await hub.put(key, Buffer.from('0'), plain);
    destination.before(async (op) => {
      if (op === 'put' || op === 'copy') await hub.put(key, Buffer.from(String(++version)), plain);
    });
    await expect(mirror()).rejects.toMatchObject({ code: 'Unsettled', retryable: true });
  });
});

describe('mirroring', () => {
  it('notes both ETags, and tells how long the change took to arrive', async () => {
    const { hub, destination, ledger, clock, mirror } = world();
    const { etag } = await hub.put(key, Buffer.alloc(64 * MIB + 1), plain);
    clock.ms += 5_000;
    const { lagMs } = await mirror();
    expect(lagMs).toBeGreaterThanOrEqual(5_000);
    const target = (await destination.head(key))?.etag;
    expect(target).not.toBe(etag);
    const record = { sourceEtag: etag, targetEtag: target };
    expect((await ledger.get(key))?.mirrors.one).toMatchObject(record);
    expect(await mirror()).toEqual({ did: 'nothing', reason: 'the destination is up to date', sizeBytes: 0 });
    expect((await ledger.get(key))?.mirrors.one).toMatchObject(record);
  });

  it('copies an object of KMS, whose ETag is not its MD5', async () => {
    const { hub, destination, mirror } = world();
    const { etag } = await hub.put(key, Buffer.from('x'), { ...plain, encryption: { type: 'aws:kms' } });
    expect(etag).toMatch(/^[0-9a-f]{32}$/);
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(String(destination.contents(key))).toBe('x');
    expect(await mirror()).toMatchObject({ did: 'nothing' });
  });

  it('checks the CRC-32 where the ETag is no MD5 and the store keeps one', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('right'), { ...plain, encryption: { type: 'aws:kms' } });
    const { head, get } = hub;
    hub.head = async (one) => {
      const found = await head(one);
      return found === undefined ? undefined : { ...found, crc32: 'MPlqSg==' };
    };
    hub.get = async (...call) => ({ ...(await get(...call)), body: once(Buffer.from('wrong')) });
    await expect(mirror()).rejects.toMatchObject({ code: 'ChecksumMismatch', retryable: true });
    expect(destination.contents(key)).toBeUndefined();
    hub.get = get;
    hub.head = async (one) => {
      const found = await head(one);
      return found === undefined ? undefined : { ...found, crc32: crc32Of('right') };
    };
    expect(await mirror()).toMatchObject({ did: 'copied' });
  });

  it('makes the bucket of the destination where that is asked for, and says so where it is not', async () => {
    const made = world({ exists: false, createBucket: true });
    await made.hub.put(key, Buffer.from('x'), plain);
    expect(await made.mirror()).toMatchObject({ did: 'copied' });
    const missing = world({ exists: false });
    await missing.hub.put(key, Buffer.from('x'), plain);
    await expect(missing.mirror()).rejects.toMatchObject({ code: 'NoSuchBucket', retryable: false });
    expect(missing.destination.calls).not.toContain('createBucket ');
  });

  it.each(['NoSuchBucket', 'AccessDenied'])('takes a hub that answers %s for no empty one', async (code) => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('x'), plain);
    await mirror();
    hub.before(() => {
      throw new SyncError(code, { op: 'head', retryable: false, code });
    });
    await expect(mirror({ approved: true })).rejects.toMatchObject({ code });
    expect(destination.contents(key)).toBeDefined();
  });

  it('deletes only what the source no longer has', async () => {
    const { hub, destination, ledger, mirror } = world();
    await hub.put(key, Buffer.from('x'), plain);
    await mirror();
    expect(await mirror()).toMatchObject({ did: 'nothing' });
    expect(destination.contents(key)).toBeDefined();
    await hub.delete(key);
    expect(await mirror()).toMatchObject({ did: 'deleted' });
    expect(destination.contents(key)).toBeUndefined();
    expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe('');
  });

  it('keeps the copy, and the record of it, where deletes are not mirrored', async () => {
    const { hub, destination, ledger, mirror } = world({ deletes: false });
    const { etag } = await hub.put(key, Buffer.from('x'), plain);
    await mirror();
    await hub.delete(key);
    expect(await mirror()).toMatchObject({ did: 'nothing' });
    expect(destination.contents(key)).toBeDefined();
    expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(etag);
  });

  it('brings back a copy that was deleted while the source returned', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('x'), plain);
    await mirror();
    await hub.delete(key);
    destination.before(async (op) => {
      if (op === 'delete') await hub.put(key, Buffer.from('x'), plain);
    });
    await mirror();
    expect(String(destination.contents(key))).toBe('x');
  });

  it('never writes to the source', async () => {
    const { hub, mirror } = world();
    await hub.put(key, Buffer.alloc(64 * MIB + 1), plain);
    hub.calls.length = 0;
    await mirror();
    expect(new Set(hub.calls.map((call) => call.split(' ')[0]))).toEqual(new Set(['head', 'get', 'tags']));
  });

  it('writes nothing when the bytes that came are not those of the ETag', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('right'), plain);
    const get = hub.get;
    hub.get = async (...call) => ({ ...(await get(...call)), body: once(Buffer.from('wrong')) });
    await expect(mirror()).rejects.toMatchObject({ code: 'ChecksumMismatch', retryable: true });
    expect(destination.contents(key)).toBeUndefined();
  });

  it('writes nothing when fewer or more bytes come than the object has', async () => {
    for (const body of ['righ', 'right!']) {
      const { hub, destination, mirror } = world();
      await hub.put(key, Buffer.from('right'), plain);
      const get = hub.get;
      hub.get = async (...call) => ({ ...(await get(...call)), body: once(Buffer.from(body)) });
      await expect(mirror()).rejects.toMatchObject({ code: 'Truncated' });
      expect(destination.contents(key)).toBeUndefined();
    }
  });

  it('refuses a key that the prefix makes too long, and names it', async () => {
    const { hub, mirror } = world({ prefix: 'p'.repeat(1020) });
    await hub.put(key, Buffer.from('x'), plain);
    await expect(mirror()).rejects.toMatchObject({ code: 'InvalidKey', retryable: false });
  });
});

it('many handlers of one key, with the source changing under them, end in its last state', async () => {
  const changes = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant('delete' as const)), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(changes, fc.scheduler(), fc.constantFrom(...WAYS), fc.boolean(), async (...given) => {
      const [history, scheduler, way, names] = given;
      const { hub, destination, ledger, mirror } = world({ way });
      hub.before((op) => scheduler.schedule(Promise.resolve(), `hub ${op}`));
      destination.before((op) => scheduler.schedule(Promise.resolve(), `destination ${op}`));
      const handlers: Promise<unknown>[] = [];
      for (const change of history) {
        if (change === 'delete') await scheduler.waitFor(hub.delete(key));
        else await scheduler.waitFor(hub.put(key, Buffer.from(String(change)), plain));
        // An event names the state of its time, which may have passed.
        const etag = createHash('md5').update(String(change)).digest('hex');
        const hints = names && change !== 'delete' ? { seen: { etag, sizeBytes: 1, lastModifiedMs: 0 } } : {};
        handlers.push(redelivered(() => mirror(hints)));
      }
      await scheduler.waitAll();
      await scheduler.waitFor(Promise.all(handlers));
      expect(destination.contents(key)).toEqual(hub.contents(key));
      const { mirrors } = (await scheduler.waitFor(ledger.get(key))) ?? {};
      const present = await scheduler.waitFor(hub.head(key));
      expect(mirrors?.one?.sourceEtag).toBe(present?.etag ?? '');
    }),
    { numRuns: 200 },
  );
});

/** The queue delivers again what failed in a way that can pass. */
async function redelivered(work: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SyncError) || !error.retryable) throw error;
    }
  }
}

function crc32Of(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}
