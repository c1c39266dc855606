import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { mirrorWorld, type WorldFields } from '../doubles/mirror-world.ts';

const MIB = 1024 * 1024;
const key = objectKey('k');
const tagged = { metadata: {}, tags: { a: '1', b: '2' } };
const world = (fields: WorldFields = {}) => mirrorWorld(key, fields);

describe.each(['server', 'stream'] as const)('tags, copying by %s', (way) => {
  it.each([
    ['whole', 1],
    ['in parts', 64 * MIB + 1],
  ])('travel with an object copied %s', async (_how, sizeBytes) => {
    const { hub, destination, mirror } = world({ way });
    await hub.put(key, Buffer.alloc(sizeBytes), tagged);
    await mirror();
    expect(await destination.tags(key)).toEqual(tagged.tags);
  });

  it('are never asked for where they do not travel', async () => {
    const { hub, destination, mirror } = world({ way: 'stream', tags: false });
    await hub.put(key, Buffer.from('x'), tagged);
    await mirror({ tagging: true });
    expect(await destination.tags(key)).toEqual({});
    expect(hub.calls.filter((call) => call.startsWith('tags'))).toEqual([]);
  });

  it('are compared and set when an event says that they changed, and only then', async () => {
    const { hub, destination, mirror } = world({ way });
    await hub.put(key, Buffer.from('x'), tagged);
    await mirror();
    await hub.setTags(key, { c: '3' });
    expect(await mirror()).toMatchObject({ did: 'nothing' });
    expect(await destination.tags(key)).toEqual(tagged.tags);
    expect(await mirror({ tagging: true })).toMatchObject({ did: 'tagged' });
    expect(await destination.tags(key)).toEqual({ c: '3' });
    expect(await mirror({ tagging: true })).toMatchObject({ did: 'nothing' });
    await hub.setTags(key, {});
    await mirror({ tagging: true });
    expect(await destination.tags(key)).toEqual({});
  });

  it('end as the last change has them when they change under the work', async () => {
    const { hub, destination, mirror } = world({ way });
    await hub.put(key, Buffer.from('x'), tagged);
    await mirror();
    await hub.setTags(key, { c: '3' });
    let changed = false;
    destination.before(async (op) => {
      if (op !== 'setTags' || changed) return;
      changed = true;
      await hub.setTags(key, { d: '4' });
    });
    await mirror({ tagging: true });
    expect(await destination.tags(key)).toEqual({ d: '4' });
  });

  it.each([
    ['that an event has named', 1, true],
    ['that was looked at', 1, false],
    ['in parts', 40, false],
  ])(
    'are not undone by a copy %s, on its way while another handler carried them',
    async (_how, size, named) => {
      const { hub, destination, mirror } = world({ way, cut: { wholeUpTo: 16, stream: 8, server: 8 } });
      const { etag } = await hub.put(key, Buffer.alloc(size), { metadata: {} });
      const writes = new Set(['put', 'copy', 'completeMultipart']);
      let other: Promise<unknown> | undefined;
      destination.before(async (op) => {
        if (!writes.has(op) || other !== undefined) return;
        await hub.setTags(key, { c: '3' });
        other = mirror({ tagging: true });
        await other;
        expect(await destination.tags(key)).toEqual({ c: '3' });
      });
      // A copy by the store reads the tags when it begins, and lands later.
      const { copy } = destination;
      destination.copy = (to, from, attributes) =>
        copy(to, from, other === undefined ? { metadata: {}, ...attributes, tags: {} } : attributes);
      const seen = { etag, sizeBytes: size, lastModifiedMs: 0, sent: true };
      expect(await mirror(named ? { seen } : {})).toMatchObject({ did: 'copied' });
      expect(await other).toMatchObject({ did: 'copied' });
      expect(await destination.tags(key)).toEqual({ c: '3' });
    },
  );

  it('of an object that goes under the work are no failure', async () => {
    const { hub, destination, mirror } = world({ way });
    await hub.put(key, Buffer.from('x'), tagged);
    await mirror();
    hub.before(async (op) => {
      if (op === 'tags') await hub.delete(key);
    });
    expect(await mirror({ tagging: true })).toMatchObject({ did: 'deleted' });
    expect(destination.contents(key)).toBeUndefined();
  });
});

it('tags that the destination does not take keep the object from it, visibly', async () => {
  const { hub, destination, mirror } = world();
  await hub.put(key, Buffer.from('x'), tagged);
  destination.before((op) => {
    if (op === 'put') throw new SyncError('InvalidTag', { op, retryable: false, code: 'InvalidTag' });
  });
  await expect(mirror()).rejects.toMatchObject({ code: 'InvalidTag' });
});
