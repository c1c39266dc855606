/** Copies that are streamed in parts: only the source's bytes become an object. */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { crc32Text } from '#adapters/crc32.ts';
import { handedUploads } from '#adapters/handed-upload.ts';
import { sumInOrder } from '#adapters/parts-proof.ts';
import { checksumOf } from '#adapters/proven-stream.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { mirrorWorld } from '../doubles/mirror-world.ts';

const MIB = 1024 * 1024;
const key = objectKey('large');
const body = Buffer.alloc(66 * MIB, 'abcdefg');
const KMS = { encryption: { type: 'aws:kms' } } as const;
const mismatch = { code: 'ChecksumMismatch', retryable: true };

async function sendParts(store: ObjectStore, to: ObjectKey, sizes: readonly number[], attributes = {}) {
  const uploadId = await store.createMultipart(to, { metadata: {}, ...attributes });
  const parts = [];
  let at = 0;
  for (const size of sizes) {
    parts.push(await store.uploadPart(to, uploadId, parts.length + 1, body.subarray(at, at + size)));
    at += size;
  }
  await store.completeMultipart(to, uploadId, parts);
}

const SOURCES: Record<string, (hub: ObjectStore) => Promise<unknown>> = {
  'the MD5 of the whole': (hub) => hub.put(key, body, { metadata: {} }),
  'the CRC-32 of the whole': async (hub) => {
    await hub.put(key, body, { metadata: {}, ...KMS });
    const { head } = hub;
    hub.head = async (one) => {
      const found = await head(one);
      return found && { ...found, crc32: crc32Text(crc32(body)) };
    };
  },
  'an ETag of the MD5s of its parts': (hub) => sendParts(hub, key, [20, 20, 20, 6].map(mib)),
};

async function world(send: (hub: ObjectStore) => Promise<unknown>) {
  const made = mirrorWorld(key);
  await send(made.hub);
  const { get } = made.hub;
  /** Changes a byte of what comes of the range that has it. */
  const damage = (at: number | undefined) => {
    made.hub.get = async (of, options) => {
      const answer = await get(of, options);
      const { start, end } = options?.range ?? { start: 0, end: body.length - 1 };
      return at === undefined || at < start || at > end
        ? answer
        : { ...answer, body: changed(answer.body, at - start) };
    };
  };
  /** No part is begun any more once so many are there. */
  const endAfter = (parts: number) => {
    let sent = 0;
    made.time.remainingMs = 900_000;
    made.destination.before((op) => {
      if (op === 'uploadPart' && ++sent >= parts) made.time.remainingMs = 0;
    });
  };
  const whole = () => made.destination.contents(key)?.equals(body) ?? false;
  const uploads = handedUploads(made.controls, 'one', key, made.ports.nowMs);
  return { ...made, damage, endAfter, whole, uploads };
}

describe.each(Object.entries(SOURCES))('of a source that has %s', (_what, send) => {
  it.each([0, 30 * MIB, body.length - 1])(
    'byte %i that comes wrong makes no object, and no upload',
    async (at) => {
      const { destination, ledger, mirror, damage, whole } = await world(send);
      damage(at);
      await expect(mirror()).rejects.toMatchObject(mismatch);
      expect([destination.contents(key), destination.openUploads()]).toEqual([undefined, 0]);
      expect(await ledger.get(key)).toBeUndefined();
      damage(undefined);
      expect(await mirror()).toMatchObject({ did: 'copied' });
      expect(whole()).toBe(true);
    },
  );

  it('the parts are proved in their order, however they come, in little memory', async () => {
    const { hub, ports, mirror, whole } = await world(send);
    ports.budget = createByteBudget(20 * MIB);
    const { get } = hub;
    let first = true;
    hub.get = async (...call) => {
      const answer = await get(...call);
      if (first) await new Promise((resolve) => setImmediate(resolve));
      first = false;
      return answer;
    };
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(whole()).toBe(true);
  });
});

describe('a source that was sent in parts', () => {
  const send = (hub: ObjectStore) => sendParts(hub, key, [20, 20, 20, 6].map(mib));

  it('is copied in the same ones, so that the copy has its ETag', async () => {
    const { hub, destination, mirror } = await world(send);
    await mirror();
    expect((await destination.head(key))?.etag).toBe((await hub.head(key))?.etag);
  });

  it('is proved by them when it is small enough to be copied whole', async () => {
    const { hub, destination, mirror, damage } = await world((store) =>
      sendParts(store, key, [20, 20, 6].map(mib)),
    );
    damage(30 * MIB);
    await expect(mirror()).rejects.toMatchObject(mismatch);
    expect(destination.contents(key)).toBeUndefined();
    damage(undefined);
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(destination.contents(key)).toEqual(hub.contents(key));
  });

  it.each([1, 2, 4])('is proved when its copy goes on after %i parts', async (parts) => {
    const { destination, uploads, damage, endAfter, mirror, whole } = await world(send);
    damage(1);
    endAfter(parts);
    const first = mirror();
    if (parts < 4) {
      expect(await first).toMatchObject({ did: 'continued' });
      damage(undefined);
      endAfter(9);
      await expect(mirror({ look: true })).rejects.toMatchObject(mismatch);
    } else await expect(first).rejects.toMatchObject(mismatch);
    expect([destination.contents(key), destination.openUploads()]).toEqual([undefined, 0]);
    expect(await uploads.take(undefined, 0)).toEqual({ begin: true });
    damage(undefined);
    endAfter(9);
    expect(await mirror({ look: true })).toMatchObject({ did: 'copied' });
    expect(whole()).toBe(true);
  });

  it('is copied although a destination with ETags of its own leaves nothing to prove the earlier parts by', async () => {
    const { destination, endAfter, mirror, whole } = await world(send);
    const { uploadPart, listParts, completeMultipart } = destination;
    const opaque = (etag: string) => hash('md5', `of KMS: ${etag}`);
    const plain = new Map<string, string>();
    destination.uploadPart = async (...call) => {
      const part = await uploadPart(...call);
      plain.set(opaque(part.etag), part.etag);
      return { ...part, etag: opaque(part.etag) };
    };
    destination.listParts = async function* (...call) {
      for await (const part of listParts(...call)) yield { ...part, etag: opaque(part.etag) };
    };
    destination.completeMultipart = (to, uploadId, parts) => {
      const known = parts.map(({ partNumber, etag }) => ({ partNumber, etag: plain.get(etag) ?? '' }));
      return completeMultipart(to, uploadId, known);
    };
    endAfter(2);
    expect(await mirror()).toMatchObject({ did: 'continued' });
    endAfter(9);
    expect(await mirror({ look: true })).toMatchObject({ did: 'copied' });
    expect(whole()).toBe(true);
  });

  it.each([
    ['of any sizes', [20, 18, 22, 6].map(mib)],
    ['of any sizes, the last as if they were equal', [20, 19, 21, 6].map(mib)],
    ['too large to hold', [65, 1].map(mib)],
    ['that the store does not tell', [20, 20, 20, 6].map(mib)],
  ])('%s is cut otherwise, and copied', async (what, sizes) => {
    const { hub, mirror, whole } = await world((store) => sendParts(store, key, sizes));
    if (what.includes('tell')) hub.partBytes = async () => undefined;
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(whole()).toBe(true);
  });

  it('under KMS, whose ETags prove nothing, is copied', async () => {
    const { mirror, whole } = await world((store) => sendParts(store, key, [20, 20, 20, 6].map(mib), KMS));
    expect(await mirror()).toMatchObject({ did: 'copied' });
    expect(whole()).toBe(true);
  });
});

it('parts added in any order are summed in theirs, and one that is given up holds nobody up', async () => {
  const shuffled = fc
    .array(fc.uint8Array(), { minLength: 1 })
    .chain((parts) =>
      fc.tuple(fc.constant(parts), fc.shuffledSubarray([...parts.keys()], { minLength: parts.length })),
    );
  const named = fc.constantFrom('md5', 'crc32');
  await fc.assert(
    fc.asyncProperty(shuffled, named, fc.option(fc.nat()), async ([parts, order], name, lost) => {
      const all = Buffer.concat(parts);
      const sums = name === 'md5' ? { md5: hash('md5', all) } : { crc32: crc32Text(crc32(all)) };
      const sum = checksumOf({
        key,
        metadata: {},
        etag: '',
        sizeBytes: all.length,
        lastModifiedMs: 0,
        ...sums,
      });
      const ordered = sumInOrder(sum ?? expect.unreachable());
      await Promise.all(
        order.map((index) => {
          if (index === lost) return ordered.giveUp(index);
          return ordered.add(index, parts[index] ?? expect.unreachable());
        }),
      );
      // Those behind a part that is given up wait for none: without bytes of its own it may also change their order.
      const missed = lost === null ? undefined : parts[lost];
      if (missed === undefined) expect(ordered.fault()).toBeUndefined();
      else if (name === 'md5' && missed.length > 0) expect(ordered.fault()).toContain('MD5');
    }),
  );
});

function mib(size: number): number {
  return size * MIB;
}

async function* changed(from: AsyncIterable<Uint8Array>, at: number): AsyncGenerator<Uint8Array> {
  let start = 0;
  for await (const chunk of from) {
    const copy = Uint8Array.from(chunk);
    if (at >= start && at < start + copy.length) copy[at - start] = (copy[at - start] ?? 0) ^ 1;
    yield copy;
    start += chunk.length;
  }
}
