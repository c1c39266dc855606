/** An object that comes and goes while a delivery is on its way: whatever the delivery has seen, the delete is told. */
import { expect, it } from 'vitest';
import { createBreaker } from '#core/breaker.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { deliverBatch } from '../../functions/deliver.ts';
import { replayEvent } from '../../functions/event-replay.ts';
import { createReplayedBatch } from '../../functions/replayed-batch.ts';
import { createMemoryDeliveryQueue } from '../doubles/delivery-queue-memory.ts';
import { createMemoryFileManager } from '../doubles/file-manager-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { objectEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const key = objectKey('k');
const READS = new Set(['get', 'head']);
const CHANGES = ['ledger.recordDelivery', 'fileManager.updatePermissions', 'fileManager.saveToDisk'];

function world() {
  let now = 1_000_000;
  const nowMs = () => ++now;
  const hub = createMemoryStore({ bucket: 'hub', nowMs });
  const fileManager = createMemoryFileManager();
  const deliveries = createMemoryDeliveryQueue();
  const reports = createMemoryStore({ bucket: 'reports' });
  const { log } = createMemoryLog();
  const ledger = createMemoryLedger();
  const events: ObjectEvent[] = [];
  let meanwhile: { call: string; happens: () => Promise<void> } | undefined;

  /** What is to happen meanwhile happens once: after a read, before a call that changes something. */
  function watched<Port extends object>(name: string, port: Port): Port {
    const methods = Object.entries(port).map(([method, value]) => {
      if (typeof value !== 'function') return [method, value];
      const watch = async (...args: unknown[]) => {
        const isMoment = meanwhile?.call === `${name}.${method}`;
        const happens = isMoment ? meanwhile?.happens : undefined;
        if (isMoment) meanwhile = undefined;
        const answer: unknown = READS.has(method) ? await value(...args) : undefined;
        await happens?.();
        return READS.has(method) ? answer : value(...args);
      };
      return [method, watch];
    });
    return Object.fromEntries(methods);
  }

  const ports = {
    hub: watched('hub', hub),
    ledger: watched('ledger', ledger),
    fileManager: watched('fileManager', fileManager),
    breaker: createBreaker({ failures: 3, coolDownMs: 1_000 }),
    deliveries,
    deletes: true,
    log,
    nowMs,
  };

  async function deliver(): Promise<void> {
    const lanes = { log, remainingMs: () => 900_000, release: async () => undefined };
    const metrics = { add: () => undefined, flush: () => undefined };
    while (deliveries.waiting > 0) {
      const batch = deliveries.receive(1);
      const { batchItemFailures } = await deliverBatch(batch, lanes, ports, { keysAtOnce: 1, metrics });
      expect(batchItemFailures).toEqual([]);
      deliveries.settle(batch, new Set());
    }
  }

  return {
    fileManager,
    deliveries,
    deliver,
    async put(): Promise<void> {
      const { etag } = await hub.put(key, Buffer.from('content'), { metadata: {} });
      events.push(objectEvent({ key, sequencer: '', etag }));
    },
    async remove(): Promise<void> {
      await hub.delete(key);
      events.push(objectEvent({ key, kind: 'removed', sequencer: '' }));
    },
    /** All events so far, each in a batch of its own. */
    async replay(): Promise<void> {
      for (const event of events.splice(0)) {
        const replayed = createReplayedBatch({ reports, deliveries, nowMs });
        replayed.add(await replayEvent({ hub, ledger, log, nowMs }, event));
        await replayed.handOn(String(nowMs()));
      }
    },
    during: (call: string, happens: () => Promise<void>) => {
      meanwhile = { call, happens };
    },
  };
}

/** A key that the file manager was told the delete of: its record is certain that there is no file. */
async function goneEverywhere() {
  const one = world();
  for (const change of [one.put, one.remove]) {
    await change();
    await one.replay();
    await one.deliver();
  }
  return one;
}

it.each(['hub.get', ...CHANGES])(
  'a file whose object goes at %s of its delivery does not stay',
  async (call) => {
    const { put, remove, replay, deliver, during, fileManager } = await goneEverywhere();
    await put();
    await replay();
    during(call, async () => {
      await remove();
      await replay();
    });
    await deliver();
    expect(fileManager.calls.at(-1)).toBe(`delete ${key}`);
    expect(fileManager.files.has(key)).toBe(false);
  },
);

it.each(['hub.head', ...CHANGES])(
  'nor does one that was seen by its delivery alone, and went at %s',
  async (call) => {
    const { put, remove, replay, deliver, during, deliveries, fileManager } = await goneEverywhere();
    await put();
    during(call, async () => {
      await remove();
      await replay();
    });
    await deliveries.send([{ key, revision: 2, again: 'late' }]);
    await deliver();
    expect(fileManager.files.has(key)).toBe(false);
  },
);
