/** The short way: a state that an event or a listing has named, copied without asking either side before. */
import { describe, expect, it } from 'vitest';
import type { SeenSource } from '#adapters/copy-seen.ts';
import { createTagReader } from '#adapters/source-tags.ts';
import { objectKey } from '#core/key.ts';
import { type CopyCut, SOURCE_ETAG } from '#core/mirror-plan.ts';
import type { ObjectStore } from '#core/ports.ts';
import { mirrorWorld, type WorldFields } from '../doubles/mirror-world.ts';

const key = objectKey('k');
const plain = { metadata: { mtime: '1.5' }, contentType: 'text/plain' };
const tagged = { ...plain, tags: { a: '1' } };
const world = (fields: WorldFields = {}) => mirrorWorld(key, fields);

async function told(hub: ObjectStore, more: Partial<SeenSource> = {}): Promise<{ seen: SeenSource }> {
  const head = await hub.head(key);
  if (head === undefined) throw new Error('nothing to tell of');
  const { etag, sizeBytes, lastModifiedMs } = head;
  return { seen: { etag, sizeBytes, lastModifiedMs, ...more } };
}

function forget(...stores: { calls: string[] }[]): void {
  for (const { calls } of stores) calls.length = 0;
}

/** As a bucket whose default it is. */
function encryptedByKms(store: ObjectStore): ObjectStore {
  const kms = { encryption: { type: 'aws:kms' } } as const;
  return {
    ...store,
    put: (at, body, options) => store.put(at, body, { ...options, ...kms }),
    copy: (at, source, attributes) => store.copy(at, source, { metadata: {}, ...attributes, ...kms }),
  };
}

const asked = ({ calls }: { calls: string[] }) => calls.map((call) => call.split(' ')[0]);

describe('a small object that an event has told of', () => {
  it('costs one GET, one PUT and the HEAD that confirms it, and is all there', async () => {
    const { hub, destination, ledger, mirror } = world({ tags: false });
    const { etag } = await hub.put(key, Buffer.from('content'), plain);
    const hints = await told(hub);
    forget(hub, destination);
    expect(await mirror(hints)).toMatchObject({ did: 'copied', sizeBytes: 7, lagMs: expect.any(Number) });
    expect([asked(hub), asked(destination)]).toEqual([['get', 'head'], ['put']]);
    expect(String(destination.contents(key))).toBe('content');
    const metadata = { ...plain.metadata, [SOURCE_ETAG]: etag };
    expect(await destination.head(key)).toMatchObject({ ...plain, metadata });
    expect((await ledger.get(key))?.mirrors.one).toMatchObject({ sourceEtag: etag, targetEtag: etag });
  });

  it('costs one question more, for the tags that it has now, where those travel', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('content'), tagged);
    const hints = await told(hub);
    forget(hub, destination);
    expect(await mirror(hints)).toMatchObject({ did: 'copied' });
    expect([asked(hub), asked(destination)]).toEqual([['get', 'tags', 'head', 'tags'], ['put']]);
  });

  it.each(['get', 'put'])('is copied as it is now when it was replaced at %s', async (when) => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('old'), plain);
    const hints = await told(hub);
    let replaced = false;
    const replace = async (op: string) => {
      if (op !== when || replaced) return;
      replaced = true;
      await hub.put(key, Buffer.from('newer'), plain);
    };
    hub.before(replace);
    destination.before(replace);
    expect(await mirror(hints)).toMatchObject({ did: 'copied' });
    expect(String(destination.contents(key))).toBe('newer');
  });

  it('is deleted at the destination when it is gone by the time it was copied', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.from('old'), plain);
    const hints = await told(hub);
    destination.before(async (op) => {
      if (op === 'put') await hub.delete(key);
    });
    expect(await mirror(hints)).toMatchObject({ did: 'deleted' });
    expect(destination.contents(key)).toBeUndefined();
  });

  it('is not handed to and fro for ever by two mirrors that face each other', async () => {
    const there = world();
    const back = mirrorWorld(key);
    Object.assign(back.ports, { hub: there.destination, destination: there.hub });
    await there.hub.put(key, Buffer.from('content'), plain);
    await there.mirror(await told(there.hub));
    expect(await back.mirror(await told(there.destination))).toMatchObject({ did: 'nothing' });
    expect(await there.mirror()).toMatchObject({ did: 'nothing' });
  });

  it.each<[string, { kms?: boolean; cut?: CopyCut }]>([
    ['of KMS', { kms: true }],
    ['in parts', { cut: { wholeUpTo: 1, stream: 6 * 1024 * 1024, server: 6 * 1024 * 1024 } }],
  ])('is not either where no MD5 tells that they are the same: %s', async (_name, { kms = false, cut }) => {
    const settings = { tags: false, ...(cut === undefined ? {} : { cut }) };
    const there = mirrorWorld(key, settings);
    const back = mirrorWorld(key, settings);
    const [left, right] = [there.hub, there.destination].map((store) =>
      kms ? encryptedByKms(store) : store,
    );
    Object.assign(there.ports, { hub: left, destination: right });
    Object.assign(back.ports, { hub: right, destination: left });
    await left?.put(key, Buffer.from('content'), plain);
    expect(await there.mirror()).toMatchObject({ did: 'copied' });
    expect(await back.mirror()).toMatchObject({ did: 'nothing' });
    expect(await there.mirror()).toMatchObject({ did: 'nothing' });
  });

  it('that is large, or whose tags may be others, takes the long way', async () => {
    const { hub, destination, mirror } = world();
    await hub.put(key, Buffer.alloc(1024 * 1024 + 1), plain);
    await mirror(await told(hub));
    forget(destination);
    await mirror(await told(hub));
    await hub.put(key, Buffer.from('x'), tagged);
    await mirror({ ...(await told(hub)), tagging: true });
    expect(asked(destination)).toEqual(['head', 'head', 'put', 'tags']);
    expect(await destination.tags(key)).toEqual(tagged.tags);
  });

  it('makes the bucket that is to be made', async () => {
    const { hub, destination, mirror } = world({ exists: false, createBucket: true });
    await hub.put(key, Buffer.from('x'), plain);
    expect(await mirror(await told(hub))).toMatchObject({ did: 'copied' });
    expect(destination.contents(key)).toBeDefined();
  });

  it('of KMS, whose ETags prove nothing, is looked at on both sides afterwards', async () => {
    const { hub, destination, mirror } = world({ tags: false });
    await hub.put(key, Buffer.from('x'), { ...plain, encryption: { type: 'aws:kms' } });
    const hints = await told(hub);
    forget(hub, destination);
    expect(await mirror(hints)).toMatchObject({ did: 'copied' });
    expect([asked(hub), asked(destination)]).toEqual([
      ['get', 'head'],
      ['put', 'head'],
    ]);
  });
});

describe('a small object that a listing has shown to be missing', () => {
  it('is copied by the store with one request, attributes and tags with it, and both sides are asked for those', async () => {
    const { hub, destination, mirror } = world({ way: 'server' });
    await hub.put(key, Buffer.from('content'), tagged);
    const hints = await told(hub, { destinationLacksIt: true });
    forget(hub, destination);
    expect(await mirror(hints)).toMatchObject({ did: 'copied' });
    expect([asked(hub), asked(destination)]).toEqual([
      ['head', 'tags'],
      ['copy', 'tags'],
    ]);
    expect(await destination.head(key)).toMatchObject(plain);
    expect(await destination.tags(key)).toEqual(tagged.tags);
    expect(await mirror()).toMatchObject({ did: 'nothing', reason: 'the destination is up to date' });
  });

  it('gets its mark where the ETag of the copy is another', async () => {
    const { hub, destination, mirror } = world({ way: 'server' });
    const { etag } = await hub.put(key, Buffer.from('x'), { ...plain, encryption: { type: 'aws:kms' } });
    await mirror(await told(hub, { destinationLacksIt: true }));
    expect((await destination.head(key))?.metadata[SOURCE_ETAG]).toBe(etag);
    expect(await mirror()).toMatchObject({ did: 'nothing' });
    expect(asked(destination).filter((op) => op === 'copy')).toHaveLength(2);
    await destination.delete(key);
    await mirror(await told(hub, { destinationLacksIt: true }));
    expect(asked(destination).filter((op) => op === 'copy')).toHaveLength(3);
  });

  it.each(['server', 'stream'] as const)('by %s: is left for the caller to confirm, unnoted', async (way) => {
    const { hub, ledger, mirror } = world({ way });
    await hub.put(key, Buffer.from('content'), plain);
    const hints = await told(hub, { destinationLacksIt: true });
    forget(hub);
    const { did, unconfirmed } = await mirror({ ...hints, confirmLater: true });
    expect({ did, etag: unconfirmed?.etag }).toEqual({ did: 'copied', etag: hints.seen.etag });
    expect(asked(hub)).not.toContain('head');
    expect(await ledger.get(key)).toBeUndefined();
  });

  it('is confirmed at once all the same where the copy has not proved itself', async () => {
    const { hub, ledger, mirror } = world();
    await hub.put(key, Buffer.from('x'), { ...plain, encryption: { type: 'aws:kms' } });
    const hints = { ...(await told(hub, { destinationLacksIt: true })), confirmLater: true };
    expect((await mirror(hints)).unconfirmed).toBeUndefined();
    expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(hints.seen.etag);
  });
});

it('tags are asked for until the store was seen to let them be read, and then where it counts some', async () => {
  const { hub } = world();
  const other = objectKey('tagged');
  await hub.put(key, Buffer.from('x'), plain);
  await hub.put(other, Buffer.from('x'), tagged);
  const heads = [(await hub.get(key)).head, (await hub.get(other)).head, (await hub.get(key)).head];
  forget(hub);
  const read = createTagReader(hub, true);
  const found = [];
  for (const head of heads) found.push(await read(head));
  expect(found).toEqual([{}, tagged.tags, {}]);
  expect(hub.calls).toEqual(['tags k', 'tags tagged']);
  const always = createTagReader(hub, false);
  for (const head of heads) await always(head);
  expect(hub.calls).toHaveLength(5);
});
