import { describe, expect, it } from 'vitest';
import { handedUploads } from '#adapters/handed-upload.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { HOUR_MS, mirrorWorld, type WorldFields } from '../doubles/mirror-world.ts';

const MIB = 1024 * 1024;
const key = objectKey('dir/large');
const plain = { metadata: {} };
/** Five streamed parts of 16 MiB, the last one shorter. */
const PARTS = 5;
const body = Buffer.alloc(4 * 16 * MIB + 3, 'abcdefg');

async function large(fields: WorldFields = {}) {
  const world = mirrorWorld(key, fields);
  await world.hub.put(key, body, { ...plain, tags: { a: '1' } });
  const whole = () => world.destination.contents(key)?.equals(body) ?? false;
  /** No part is begun any more once so many are there. */
  const endAfter = (parts: number) => {
    let seen = 0;
    world.time.remainingMs = parts === 0 ? 0 : 900_000;
    world.destination.before((op) => {
      if (op === 'uploadPart' && ++seen >= parts) world.time.remainingMs = 0;
    });
  };
  const unhindered = () => {
    world.time.remainingMs = 900_000;
    world.destination.before(() => undefined);
    world.hub.before(() => undefined);
  };
  const uploaded = () => world.destination.calls.filter((call) => call.startsWith('uploadPart')).length;
  /** As the queue does: until nobody asks for another look. */
  const drain = async () => {
    let last: string | undefined;
    while (world.sent.length > 0) {
      world.sent.length = 0;
      last = (await world.mirror({ look: true })).did;
    }
    return last;
  };
  return { ...world, whole, endAfter, unhindered, uploaded, drain };
}

describe('a copy that does not end in time', () => {
  it.each(Array.from({ length: PARTS + 1 }, (_, parts) => parts))(
    'goes on where it was when it ends after %i parts, and sends none of them twice',
    async (parts) => {
      const {
        hub,
        destination,
        ledger,
        controls,
        mirror,
        endAfter,
        unhindered,
        uploaded,
        drain,
        whole,
        sent,
      } = await large();
      endAfter(parts);
      const { did } = await mirror();
      if (did === 'continued') {
        expect(sent).toEqual([{ key, reason: 'its copy goes on' }]);
        expect(destination.openUploads()).toBe(1);
        expect(destination.contents(key)).toBeUndefined();
        unhindered();
        expect(await drain()).toBe('copied');
      }
      expect(whole()).toBe(true);
      expect(uploaded()).toBe(PARTS);
      expect(destination.openUploads()).toBe(0);
      expect(await destination.tags(key)).toEqual({ a: '1' });
      const { etag } = (await hub.head(key)) ?? {};
      expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(etag);
      const known = handedUploads(controls, 'one', key, () => 0);
      expect(await known.take(undefined, 0)).toEqual({ begin: true });
    },
  );

  it('ends although each invocation has time for one part only', async () => {
    const { destination, mirror, endAfter, sent, whole, uploaded } = await large();
    endAfter(1);
    await mirror();
    let rounds = 1;
    while (sent.length > 0) {
      sent.length = 0;
      endAfter(1);
      await mirror({ look: true });
      rounds++;
    }
    expect(whole()).toBe(true);
    expect(rounds).toBeGreaterThan(1);
    expect(uploaded()).toBe(PARTS);
    expect(destination.openUploads()).toBe(0);
  });

  it('begins anew when the source was replaced, by other bytes or by the same with other metadata', async () => {
    for (const next of [Buffer.from('small'), Buffer.alloc(body.length, 'z'), body]) {
      const { hub, destination, clock, mirror, endAfter, unhindered, drain } = await large();
      endAfter(2);
      await mirror();
      clock.ms += 1_000;
      await hub.put(key, next, { metadata: { m: 'new' } });
      unhindered();
      await drain();
      expect(destination.contents(key)?.equals(next)).toBe(true);
      expect((await destination.head(key))?.metadata).toMatchObject({ m: 'new' });
      expect(destination.openUploads()).toBe(0);
    }
  });

  it('leaves no upload behind when the source is deleted', async () => {
    const { hub, destination, mirror, endAfter, unhindered, drain } = await large();
    endAfter(2);
    await mirror();
    await hub.delete(key);
    unhindered();
    await drain();
    expect(destination.openUploads()).toBe(0);
    expect(destination.contents(key)).toBeUndefined();
  });

  it('is aborted when it fails for good, and waits when trying again can help', async () => {
    for (const retryable of [false, true]) {
      const { destination, mirror, endAfter, unhindered, uploaded, whole } = await large();
      endAfter(2);
      await mirror();
      const done = uploaded();
      unhindered();
      destination.before((op) => {
        if (op === 'uploadPart') throw new SyncError('no', { op, retryable, code: 'Refused' });
      });
      await expect(mirror({ look: true })).rejects.toMatchObject({ code: 'Refused' });
      expect(destination.openUploads()).toBe(retryable ? 1 : 0);
      const before = uploaded();
      unhindered();
      await mirror({ look: true });
      expect(whole()).toBe(true);
      expect(uploaded() - before).toBe(retryable ? PARTS - done : PARTS);
      expect(destination.openUploads()).toBe(0);
    }
  });

  it('begins anew when the destination has lost the upload', async () => {
    const { destination, mirror, endAfter, unhindered, drain, whole } = await large();
    endAfter(2);
    await mirror();
    for await (const { uploadId } of destination.listUploads(''))
      await destination.abortMultipart(key, uploadId);
    unhindered();
    expect(await drain()).toBe('copied');
    expect(whole()).toBe(true);
    expect(destination.openUploads()).toBe(0);
  });

  it('is gone on with by one at a time; who comes meanwhile leaves it alone, and looks when its time is over', async () => {
    const { destination, controls, mirror, sent, delaysMs, endAfter, unhindered, uploaded, whole } =
      await large();
    endAfter(2);
    await mirror();
    unhindered();
    sent.length = 0;
    delaysMs.length = 0;
    const outcomes = await Promise.all([mirror(), mirror({ look: true }), mirror({ look: true })]);
    expect(outcomes.map(({ did }) => did).sort()).toEqual(['copied', 'nothing', 'nothing']);
    expect(sent).toEqual(Array(2).fill({ key, reason: 'another invocation copies it' }));
    for (const delayMs of delaysMs) expect(900_000 - delayMs).toBeLessThan(100);
    expect(uploaded()).toBe(PARTS);
    expect(whole()).toBe(true);
    expect(destination.openUploads()).toBe(0);
    expect(await handedUploads(controls, 'one', key, () => 0).take(undefined, 0)).toEqual({ begin: true });
  });

  it('ends when it fails and can neither hand itself on nor give itself back: its own next try finds it busy', async () => {
    const { destination, ports, clock, sent, mirror, endAfter, unhindered, drain, whole } = await large();
    endAfter(2);
    await mirror();
    unhindered();
    const { controls } = ports;
    const refused = (op: string) => new SyncError('no', { op, retryable: true, code: 'ServiceUnavailable' });
    let refusing = false;
    ports.controls = {
      ...controls,
      async put(...write) {
        if (refusing) throw refused('put');
        return controls.put(...write);
      },
    };
    destination.before((op) => {
      if (op !== 'uploadPart') return;
      refusing = true;
      throw refused(op);
    });
    sent.length = 0;
    await expect(mirror({ look: true })).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    refusing = false;
    unhindered();
    expect(await mirror({ look: true })).toMatchObject({ did: 'nothing' });
    expect(whole()).toBe(false);
    clock.ms += HOUR_MS;
    expect(await drain()).toBe('copied');
    expect(whole()).toBe(true);
    expect(destination.openUploads()).toBe(0);
  });

  it('carries the tags that were changed while it was in work', async () => {
    const { hub, destination, mirror, endAfter, unhindered, drain } = await large();
    endAfter(2);
    await mirror();
    await hub.setTags(key, { b: '2' });
    unhindered();
    await drain();
    expect(await destination.tags(key)).toEqual({ b: '2' });
  });

  it('ends once when two of them were begun: the second makes way', async () => {
    const { destination, mirror, time, sent, unhindered, drain, whole, uploaded } = await large();
    time.remainingMs = 0;
    await Promise.all([mirror(), mirror()]);
    expect(sent).toHaveLength(1);
    expect(destination.openUploads()).toBe(1);
    unhindered();
    await drain();
    expect(whole()).toBe(true);
    expect(uploaded()).toBe(PARTS);
    expect(destination.openUploads()).toBe(0);
  });
});

it('killed at any point, a copy ends as one whole object once its message comes again, with no upload left', async () => {
  let killedAt = 0;
  for (let point = 1; killedAt === point - 1; point++) {
    const { hub, destination, ledger, ports, clock, time, sent, mirror, unhindered, drain, whole } =
      await large();
    const { controls, looks } = ports;
    let steps = 0;
    let parts = 0;
    const step = (op: string) => {
      if (++steps >= point) throw new Error('killed');
      // The first invocation has time for two parts.
      if (op === 'uploadPart' && ++parts === 2) time.remainingMs = 0;
    };
    hub.before(step);
    destination.before(step);
    ports.controls = {
      get: async (name) => {
        step('get');
        return controls.get(name);
      },
      put: async (...write) => {
        step('put');
        return controls.put(...write);
      },
    };
    ports.looks = {
      send: async (asked) => {
        step('send');
        await looks.send(asked);
      },
    };
    for (const look of [false, true]) {
      if (look && sent.length === 0) break;
      if (look) sent.length = 0;
      time.remainingMs = 900_000;
      if (await survives(() => mirror({ look }))) continue;
      killedAt = point;
      Object.assign(ports, { controls, looks });
      unhindered();
      clock.ms += 2 * HOUR_MS;
      await mirror({ look });
      break;
    }
    Object.assign(ports, { controls, looks });
    unhindered();
    await drain();
    expect({ point, whole: whole(), uploads: destination.openUploads() }).toEqual({
      point,
      whole: true,
      uploads: 0,
    });
    const { etag } = (await hub.head(key)) ?? {};
    expect((await ledger.get(key))?.mirrors.one?.sourceEtag).toBe(etag);
  }
  expect(killedAt).toBeGreaterThan(20);
}, 240_000);

async function survives(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof Error && error.message === 'killed')) throw error;
    return false;
  }
}
