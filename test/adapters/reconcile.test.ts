import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL, readControl, reconcileState } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import { HOUR_MS, OPEN_GUARD } from '../doubles/mirror-world.ts';
import { reconcileWorld } from '../doubles/reconcile-world.ts';

const many = Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, '0')}`);
const STRICT = { share: 0.5, count: 1000, shareFrom: 10, window: HOUR_MS };

describe('reconcile', () => {
  it('asks for exactly the keys that differ, and finds nothing once they were looked at', async () => {
    const { hub, destination, put, result, drain, sent, keysOf } = reconcileWorld();
    await put('changed', 'gone', 'missing', 'same');
    await result();
    await drain();
    await hub.put(objectKey('changed'), Buffer.from('newer'), { metadata: {} });
    await hub.delete(objectKey('gone'));
    await destination.delete(objectKey('missing'));
    const found = await result();
    expect(found).toMatchObject({
      objects: 3,
      known: 3,
      copies: 2,
      deletes: 1,
      records: 0,
      differences: 3,
      held: 0,
    });
    expect(sent).toEqual([
      { key: 'changed', reason: 'the sizes differ' },
      { key: 'missing', reason: 'the destination lacks it' },
      { key: 'gone', reason: 'the hub does not have it', approvedBy: found.runId },
    ]);
    await drain();
    expect(await keysOf(destination)).toEqual(['changed', 'missing', 'same']);
    expect(await result()).toMatchObject({ objects: 3, known: 3, differences: 0, records: 0 });
  });

  it('begins with nothing: the initial sync is a run on an empty destination', async () => {
    const { destination, put, result, drain, keysOf } = reconcileWorld({ exists: false, createBucket: true });
    await put(...many);
    expect(await result()).toMatchObject({ objects: 40, known: 0, copies: 40, deletes: 0 });
    await drain();
    expect(await keysOf(destination)).toEqual(many);
  });

  it('notes in the ledger what both sides have already, without copying it', async () => {
    const { hub, destination, ledger, put, result, drain } = reconcileWorld();
    await put('a');
    await destination.put(objectKey('a'), Buffer.from('a'), { metadata: {} });
    expect(await result()).toMatchObject({ differences: 0, records: 1 });
    destination.calls.length = 0;
    await drain();
    expect(destination.calls.filter((call) => call.startsWith('put'))).toEqual([]);
    const { etag } = (await hub.head(objectKey('a'))) ?? {};
    expect((await ledger.get(objectKey('a')))?.mirrors.one?.sourceEtag).toBe(etag);
    expect(await result()).toMatchObject({ differences: 0, records: 0 });
  });

  it('leaves what is outside the prefix alone, and the keys of Sluice itself', async () => {
    const { hub, destination, put, result, drain, keysOf } = reconcileWorld({ prefix: 'copy/' });
    await put('a');
    await hub.put(objectKey('.sluice/owners/x'), Buffer.from('x'), { metadata: {} });
    await destination.put(objectKey('else'), Buffer.from('x'), { metadata: {} });
    await destination.put(objectKey('copy/'), Buffer.from(''), { metadata: {} });
    expect(await result()).toMatchObject({ objects: 1, known: 0, copies: 1, deletes: 0 });
    await drain();
    expect(await keysOf(destination)).toEqual(['copy/', 'copy/a', 'else']);
  });

  it('keeps what the hub has lost where deletes are not mirrored', async () => {
    const { destination, result } = reconcileWorld({ deletes: false });
    await destination.put(objectKey('a'), Buffer.from('a'), { metadata: {} });
    expect(await result()).toMatchObject({ deletes: 0, differences: 0 });
  });

  it('does not delete what came back between the listing and the look', async () => {
    const { destination, put, result, drain } = reconcileWorld();
    await destination.put(objectKey('a'), Buffer.from('a'), { metadata: {} });
    expect(await result()).toMatchObject({ deletes: 1 });
    await put('a');
    await drain();
    expect(String(destination.contents(objectKey('a')))).toBe('a');
  });

  it('writes the result where the report finds it', async () => {
    const { put, result, reports, controls, keysOf } = reconcileWorld();
    await put('a');
    const found = await result();
    const [key] = await keysOf(reports);
    expect(key).toBe(`runs/reconcile-one/${new Date(found.endedMs).toISOString()}.json`);
    expect(JSON.parse(String(reports.contents(key ?? objectKey('-'))))).toEqual(found);
    const { value } = await readControl(controls, CONTROL.reconcile('one'), reconcileState);
    expect(value).toEqual({ last: found, known: 0 });
  });
});

describe('a side that is gone', () => {
  it.each(['hub', 'destination'] as const)(
    '%s: a missing bucket is an error, never an empty one',
    async (side) => {
      const world = reconcileWorld();
      await world.put(...many);
      await world.result();
      await world.drain();
      world[side].bucketExists = async () => false;
      await expect(world.run()).rejects.toMatchObject({ code: 'NoSuchBucket', retryable: false });
      expect(world.sent).toEqual([]);
      const { value } = await readControl(world.controls, CONTROL.reconcile('one'), reconcileState);
      expect(value?.last?.error).toContain('does not exist');
      expect(value?.known).toBe(0);
    },
  );

  it.each([
    ['breaks off', new SyncError('refused', { op: 'list', retryable: true, code: 'AccessDenied' })],
    ['is out of order', undefined],
  ])('a listing of the hub that %s deletes nothing', async (_how, failure) => {
    const world = reconcileWorld();
    await world.put(...many);
    await world.result();
    await world.drain();
    const { list } = world.hub;
    world.hub.list = async function* odd(...call): AsyncGenerator<ObjectSummary> {
      const all = await Array.fromAsync(list(...call));
      yield* all.slice(0, 3);
      if (failure !== undefined) throw failure;
      yield* all.slice(0, 1);
    };
    await expect(world.run()).rejects.toMatchObject({ code: failure?.code ?? 'BadListing' });
    await world.drain();
    expect(await world.keysOf(world.destination)).toEqual(many);
    expect(await world.held()).toBeUndefined();
  });

  it('a hub that was emptied: the deletes are held, and listed, until they are approved', async () => {
    const world = reconcileWorld({ guard: STRICT });
    const { hub, destination, put, result, run, drain, held, sent, keysOf } = world;
    await put(...many);
    await result();
    await drain();
    for (const key of many) await hub.delete(objectKey(key));
    const { runId } = await result();
    expect(sent).toEqual([]);
    expect(await held()).toMatchObject({ count: 40, runId, reason: expect.stringContaining('40 of 40') });
    expect(await run('{"approve":"another"}')).toMatchObject({ did: 'nothing' });
    expect(sent).toEqual([]);
    expect(await run(JSON.stringify({ approve: runId }))).toMatchObject({ did: 'released', sent: 40 });
    await drain();
    expect(await keysOf(destination)).toEqual([]);
    expect(await held()).toMatchObject({ count: 0 });
    expect(await run(JSON.stringify({ approve: runId }))).toMatchObject({ did: 'nothing' });
  });

  it.each([
    ['approved', STRICT, 2],
    ['allowed by the guard', { ...STRICT, share: 1 }, 2],
    ['none', STRICT, 1],
  ])(
    'what events held while a run went on stays held when what it lists is %s',
    async (what, guard, held) => {
      const world = reconcileWorld({ guard });
      await world.put(...many);
      await world.result();
      await world.drain();
      await world.guard.hold('before the run, and in its list if it is still to be deleted');
      if (what !== 'none') for (const key of many) await world.hub.delete(objectKey(key));
      const { list } = world.hub;
      world.hub.list = async function* slow(...call) {
        yield* list(...call);
        for (let more = 0; more < held; more++) await world.guard.hold('the run has passed it');
      };
      const { runId } = await world.result();
      world.hub.list = list;
      if (what === 'approved') {
        expect(await world.held()).toMatchObject({ count: 40 + held, runId });
        expect(await world.run(JSON.stringify({ approve: runId }))).toMatchObject({ sent: 40 });
      }
      await world.drain();
      expect(await world.keysOf(world.destination)).toEqual(what === 'none' ? many : []);
      expect(await world.held()).toMatchObject({ count: held, reason: expect.stringContaining('next one') });
      expect((await world.held())?.runId).toBeUndefined();
      await world.result();
      expect(await world.held()).toMatchObject({ count: 0 });
    },
  );

  it('what was held is forgotten once the hub has it again', async () => {
    const { hub, put, result, drain, held } = reconcileWorld({ guard: STRICT });
    await put(...many);
    await result();
    await drain();
    for (const key of many) await hub.delete(objectKey(key));
    await result();
    expect(await held()).toMatchObject({ count: 40 });
    await put(...many);
    expect(await result()).toMatchObject({ deletes: 0, held: 0 });
    expect(await held()).toMatchObject({ count: 0 });
  });

  it('a destination that was emptied is filled again', async () => {
    const { destination, put, result, drain, keysOf } = reconcileWorld({ guard: STRICT });
    await put(...many);
    await result();
    await drain();
    for (const key of many) await destination.delete(objectKey(key));
    expect(await result()).toMatchObject({ copies: 40, deletes: 0 });
    await drain();
    expect(await keysOf(destination)).toEqual(many);
  });
});

it('what the ledger says of a copy that is not there is withdrawn at once: the new copy may fail', async () => {
  const { destination, ledger, put, result, drain } = reconcileWorld();
  await put('a', 'b');
  await result();
  await drain();
  const noted = async (key: string) => (await ledger.get(objectKey(key)))?.mirrors.one?.sourceEtag;
  const before = await noted('b');
  await destination.delete(objectKey('a'));
  expect(await result('{"dryRun":true}')).toMatchObject({ copies: 1 });
  expect(await noted('a')).toMatch(/^[0-9a-f]{32}$/);
  expect(await result()).toMatchObject({ copies: 1 });
  expect([await noted('a'), await noted('b')]).toEqual(['?', before]);
});

describe('a dry run', () => {
  it('writes the plan, asks nobody for anything and counts for nothing', async () => {
    const world = reconcileWorld({ guard: STRICT, exists: true });
    const { destination, put, result, sent, reports, held, keysOf } = world;
    await put('a', 'same');
    for (const key of ['same', ...many])
      await destination.put(objectKey(key), Buffer.from(key), { metadata: {} });
    const found = await result('{"dryRun":true}');
    expect(found).toMatchObject({ dryRun: true, copies: 1, deletes: 40, records: 1, held: 40 });
    expect(sent).toEqual([]);
    expect(await held()).toBeUndefined();
    const plan = String(reports.contents(objectKey(`reconcile/${found.runId}/plan-0001.ndjson`)));
    const lines = plan
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(42);
    expect(lines[0]).toEqual({ key: 'a', do: 'copy', reason: 'the destination lacks it' });
    expect(lines.filter((line) => line.do === 'delete').map(({ key }) => key)).toEqual(many);
    expect(await keysOf(reports)).toHaveLength(2);
    expect(await result()).toMatchObject({ dryRun: false, deletes: 40, held: 40 });
  });

  it('makes no bucket', async () => {
    const { destination, put, result } = reconcileWorld({ exists: false, createBucket: true });
    await put('a');
    expect(await result('{"dryRun":true}')).toMatchObject({ copies: 1 });
    expect(await destination.bucketExists()).toBe(false);
  });
});

it('any history of both sides, cut into runs of any length, ends with the destination as the hub', async () => {
  const names = fc.constantFrom('a', 'a b', 'b/', 'b/c', 'é', '\uff5e', '😀', '+', '%2B', '~', '\u0001');
  const change = fc.record({
    side: fc.constantFrom('hub', 'destination'),
    name: names,
    content: fc.option(fc.constantFrom('x', 'y', 'longer'), { nil: undefined }),
  });
  const history = fc.array(change, { maxLength: 30 });
  const options = {
    prefix: fc.constantFrom('', 'copy/', 'é'),
    way: fc.constantFrom('server' as const, 'stream' as const),
    keysAtOnce: fc.integer({ min: 1, max: 5 }),
  };
  await fc.assert(
    fc.asyncProperty(
      history,
      history,
      fc.record(options),
      async (before, after, { keysAtOnce, ...settings }) => {
        const world = reconcileWorld({ ...settings, guard: OPEN_GUARD });
        const { hub, destination, time, result, drain, sent } = world;
        const apply = async (changes: typeof before) => {
          for (const { side, name, content } of changes) {
            const [store, prefix] = side === 'hub' ? [hub, ''] : [destination, settings.prefix];
            const key = objectKey(prefix + name);
            if (content === undefined) await store.delete(key);
            else await store.put(key, Buffer.from(content), { metadata: {} });
          }
        };
        for (const changes of [before, after]) {
          await apply(changes);
          let asked = 0;
          time.remainingMs = () => (++asked % keysAtOnce === 0 ? 0 : 900_000);
          await result();
          time.remainingMs = () => 900_000;
          await drain();
        }
        const copies = await Array.fromAsync(destination.list(settings.prefix));
        const originals = await Array.fromAsync(hub.list(''));
        expect(copies.map(({ key }) => key.slice(settings.prefix.length))).toEqual(
          originals.map(({ key }) => key),
        );
        for (const { key } of originals) {
          expect(destination.contents(objectKey(settings.prefix + key))).toEqual(hub.contents(key));
        }
        expect(await result()).toMatchObject({ differences: 0, records: 0, held: 0 });
        expect(sent).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});
