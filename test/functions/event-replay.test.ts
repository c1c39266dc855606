import { describe, expect, it } from 'vitest';
import { parseJournal } from '#core/journal.ts';
import { objectKey } from '#core/key.ts';
import type { DeliveryRequest } from '#core/ports.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { carryPermissions, replayEvent } from '../../functions/event-replay.ts';
import { createReplayedBatch } from '../../functions/replayed-batch.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { ledgerEntry, objectEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const key = objectKey('k');

function world() {
  const hub = createMemoryStore({ bucket: 'hub' });
  const ledger = createMemoryLedger();
  const { log, lines } = createMemoryLog();
  return { hub, ledger, log, lines, nowMs: () => 1_000_000 };
}

describe('replaying an event', () => {
  it('writes the ledger without asking the store while sequencers can be compared', async () => {
    const ports = world();
    for (const sequencer of ['02', '01', '03', '02']) {
      await replayEvent(ports, objectEvent({ sequencer, etag: `etag-${sequencer}` }));
    }
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'etag-03', revision: 2 });
    expect(ports.hub.calls).toEqual([]);
  });

  it('asks HEAD where they cannot, and believes it', async () => {
    const ports = world();
    const { etag } = await ports.hub.put(key, Buffer.from('now'), { metadata: {} });
    await replayEvent(ports, objectEvent({ sequencer: '', etag: 'long-ago' }));
    expect(await ports.ledger.get(key)).toMatchObject({ state: 'present', etag, sizeBytes: 3 });
    await ports.hub.delete(key);
    await replayEvent(ports, objectEvent({ sequencer: '', etag: 'long-ago' }));
    expect(await ports.ledger.get(key)).toMatchObject({ state: 'deleted' });
  });

  it('folds again when another handler wrote first', async () => {
    const ports = world();
    const put = ports.ledger.put;
    let conflicts = 0;
    ports.ledger.put = async (entry) => {
      if (conflicts++ === 0) await put(ledgerEntry({ sequencer: '05', etag: 'of the other' }));
      return put(entry);
    };
    await replayEvent(ports, objectEvent({ sequencer: '04' }));
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'of the other', revision: 1 });
  });

  it('lets nobody write what he was told before a later look, also when that one found nothing new', async () => {
    const ports = world();
    await ports.ledger.put(ledgerEntry({ state: 'deleted', sequencer: '', etag: '', sizeBytes: 0 }));
    await ports.hub.put(key, Buffer.from('soon gone'), { metadata: {} });
    const put = ports.ledger.put;
    let writes = 0;
    ports.ledger.put = async (entry) => {
      if (writes++ === 0) {
        await ports.hub.delete(key);
        await replayEvent(ports, objectEvent({ kind: 'removed', sequencer: '09' }));
      }
      return put(entry);
    };
    await replayEvent(ports, objectEvent({ sequencer: '08' }));
    expect(await ports.ledger.get(key)).toMatchObject({ state: 'deleted' });
  });

  it('ends after some conflicts with an error that can be tried again', async () => {
    const ports = world();
    ports.ledger.put = async () => 'conflict';
    await expect(replayEvent(ports, objectEvent())).rejects.toMatchObject({
      code: 'Conflict',
      retryable: true,
    });
  });

  it('says why it ignores an event', async () => {
    const ports = world();
    await replayEvent(ports, objectEvent());
    await replayEvent(ports, objectEvent());
    const ignored = { message: 'event ignored', key, reason: 'a duplicate of what the ledger knows' };
    expect(ports.lines).toContainEqual(expect.objectContaining(ignored));
  });

  it('of many handlers at once leaves the newest state, each event once', async () => {
    const ports = world();
    const events = Array.from({ length: 6 }, (_, index) =>
      objectEvent({ sequencer: `0${index}`, etag: `etag-${index}` }),
    );
    await Promise.all([...events, ...events].map((event) => replayEvent(ports, event)));
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'etag-5' });
  });
});

describe('what a batch of events did', () => {
  const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  function batches() {
    const ports = world();
    const reports = createMemoryStore({ bucket: 'reports' });
    const sent: DeliveryRequest[][] = [];
    const deliveries = {
      send: async (requests: readonly DeliveryRequest[]) => void sent.push([...requests]),
    };
    let count = 0;
    return {
      ...ports,
      reports,
      deliveries,
      sent,
      async run(events: readonly ObjectEvent[], told = true): Promise<void> {
        const replayed = createReplayedBatch({
          reports,
          deliveries: told ? deliveries : undefined,
          nowMs: () => NOW_MS,
        });
        for (const event of events) replayed.add(await replayEvent(ports, event));
        for (const one of replayed.renames()) {
          const carried = await carryPermissions(ports, one);
          if (carried !== undefined) replayed.add(carried);
        }
        await replayed.handOn(`run-${++count}`);
      },
      async journal() {
        const lines = [];
        for await (const { key: name } of reports.list('journal/')) {
          lines.push(...parseJournal(String(reports.contents(name)), name));
        }
        return lines;
      },
    };
  }

  it('is one object of the journal, named by time and run, with each row before and after', async () => {
    const { run, journal, reports } = batches();
    await run([objectEvent({ key: 'a' }), objectEvent({ key: 'b' })]);
    await run([objectEvent({ key: 'a', kind: 'removed', sequencer: '02' })]);
    expect(reports.calls).toEqual([
      'put journal/2026-01-02T03:04:05.678Z-run-1.ndjson',
      'put journal/2026-01-02T03:04:05.678Z-run-2.ndjson',
    ]);
    const lines = await journal();
    expect(lines).toMatchObject([
      { key: 'a', atMs: NOW_MS, after: { state: 'present', revision: 1 } },
      { key: 'b', after: { state: 'present', revision: 1 } },
      { key: 'a', before: { state: 'present', revision: 1 }, after: { state: 'deleted', revision: 2 } },
    ]);
    expect(lines[0]).not.toHaveProperty('before');
  });

  it('is asked for once a key, with the revision of the row', async () => {
    const { run, sent } = batches();
    await run([objectEvent({ key: 'a' }), objectEvent({ key: 'a', sequencer: '02', etag: 'e2' })]);
    expect(sent).toEqual([[{ key: 'a', revision: 2 }]]);
  });

  it('is told again when the function ended before it could tell', async () => {
    const { run, journal, sent, reports, deliveries } = batches();
    reports.before(() => {
      throw new Error('no journal');
    });
    await expect(run([objectEvent()])).rejects.toThrow('no journal');
    expect(sent).toEqual([]);
    reports.before(() => undefined);
    const { send } = deliveries;
    deliveries.send = async () => {
      throw new Error('no queue');
    };
    await expect(run([objectEvent()])).rejects.toThrow('no queue');
    deliveries.send = send;
    await run([objectEvent()]);
    expect((await journal()).at(-1)).toMatchObject({ key: 'k', after: { state: 'present', revision: 1 } });
    expect(sent).toEqual([[{ key: 'k', revision: 1, again: 'run-3' }]]);
  });

  it('is asked for once more when nothing changed, apart from what may be in work already', async () => {
    const { run, sent } = batches();
    for (let index = 0; index < 3; index++) await run([objectEvent()]);
    expect(sent.map(([request]) => request?.again)).toEqual([undefined, 'run-2', 'run-3']);
  });

  it('is nothing for tags, and for keys that nobody has', async () => {
    const { run, sent, reports } = batches();
    await run([objectEvent({ kind: 'other' }), objectEvent({ kind: 'look', key: 'no such key' })]);
    expect([sent, reports.calls]).toEqual([[], []]);
  });

  it('is journalled where nobody delivers', async () => {
    const { run, sent, journal } = batches();
    await run([objectEvent()], false);
    expect(sent).toEqual([]);
    expect(await journal()).toHaveLength(1);
  });

  it('is one request where a key took the place of another', async () => {
    const { run, sent } = batches();
    await run([objectEvent({ key: 'a', etag: 'e' })]);
    await run([
      objectEvent({ key: 'b', etag: 'e' }),
      objectEvent({ key: 'a', kind: 'removed', sequencer: '02' }),
      objectEvent({ key: 'c', etag: 'other' }),
    ]);
    expect(sent[1]).toEqual([
      { key: 'b', revision: 1, renamedFrom: 'a' },
      { key: 'c', revision: 1 },
    ]);
  });

  it('is what a customer says was renamed, when the new key is there; permissions go with it', async () => {
    const { run, sent, hub, ledger } = batches();
    const [from, to] = [objectKey('a'), objectKey('b')];
    await hub.put(from, Buffer.from('x'), { metadata: {} });
    const look = (fields: Partial<ObjectEvent>) =>
      objectEvent({ kind: 'look', sequencer: '', etag: '', timeMs: 5, ...fields });
    await run([look({ key: from, permissions: '{"a":1}' })]);
    const renamed = [look({ key: from }), look({ key: to, renamedFrom: from })];
    await run(renamed);
    expect(sent[1]).toEqual([{ key: from, revision: 2 }]);

    await hub.put(to, Buffer.from('x'), { metadata: {} });
    await hub.delete(from);
    await run(renamed);
    expect(sent[2]).toEqual([
      { key: to, revision: 1, renamedFrom: from },
      { key: from, revision: 3 },
    ]);
    expect((await ledger.get(to))?.permissions).toEqual({ json: '{"a":1}', atMs: 5 });
  });

  it('is asked for under the old key too when the new one of a told rename is not there', async () => {
    const { run, sent, ledger } = batches();
    const [from, to] = [objectKey('a'), objectKey('b')];
    await run([objectEvent({ key: from }), objectEvent({ key: to })]);
    await ledger.recordDelivery(to, { etag: 'etag-1', permissions: '', atMs: 1 }, undefined);
    const look = { kind: 'look', sequencer: '', etag: '' } as const;
    await run([objectEvent({ key: from, ...look }), objectEvent({ key: to, ...look, renamedFrom: from })]);
    expect(sent[1]).toMatchObject([{ key: from }, { key: to }]);
    expect(sent[1]?.some((request) => 'renamedFrom' in request)).toBe(false);
  });

  it('has the permissions of a renamed object, also when its batch tells them last, and none of later', async () => {
    const { run, hub, ledger } = batches();
    const [from, to] = [objectKey('a'), objectKey('b')];
    await hub.put(to, Buffer.from('x'), { metadata: {} });
    const look = (key: string, fields: Partial<ObjectEvent>) =>
      objectEvent({ kind: 'look', sequencer: '', etag: '', key, ...fields });
    const rename = look(to, { renamedFrom: from, timeMs: 10 });
    await run([rename, look(from, { permissions: '{"a":1}', timeMs: 5 })]);
    expect((await ledger.get(to))?.permissions).toEqual({ json: '{"a":1}', atMs: 5 });
    await run([look(from, { permissions: '{"a":2}', timeMs: 11 }), rename]);
    expect((await ledger.get(to))?.permissions).toEqual({ json: '{"a":1}', atMs: 5 });
  });
});
