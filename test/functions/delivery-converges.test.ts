import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBreaker } from '#core/breaker.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { deliverBatch } from '../../functions/deliver.ts';
import { carryPermissions, replayEvent } from '../../functions/event-replay.ts';
import { createReplayedBatch } from '../../functions/replayed-batch.ts';
import { createMemoryDeliveryQueue } from '../doubles/delivery-queue-memory.ts';
import { createMemoryFileManager } from '../doubles/file-manager-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { objectEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const KEYS = ['a', 'b', 'c'].map(objectKey);
const CONTENTS = ['one', 'two'];

type Action =
  | { do: 'put'; key: ObjectKey; content: string }
  | { do: 'delete'; key: ObjectKey }
  | { do: 'rename'; key: ObjectKey; to: ObjectKey; told: boolean }
  | { do: 'permissions'; key: ObjectKey; mode: number };

const key = fc.constantFrom(...KEYS);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('put' as const), key, content: fc.constantFrom(...CONTENTS) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('rename' as const), key, to: key, told: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('permissions' as const),
      key,
      mode: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

/** A function that ends between two steps: nothing of it runs on. */
class Killed extends Error {}

/** Whose turn it is, and what fails, by chance that a seed repeats. */
function chance(seed: number) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pending: (() => void)[] = [];
  return {
    random,
    turn: () => new Promise<void>((resolve) => pending.push(resolve)),
    /** Lets one of those who wait go on, until all of it is done. */
    async until(work: Promise<unknown>) {
      let done = false;
      const settled = work.finally(() => {
        done = true;
      });
      settled.catch(() => undefined);
      while (!done) {
        await new Promise((resolve) => setImmediate(resolve));
        const [next] = pending.splice(Math.floor(random() * pending.length), 1);
        next?.();
      }
      await settled;
    },
  };
}

function world(seed: number, faults: { rate: number; versioned: boolean; ordered: boolean }) {
  const dice = chance(seed);
  /** Turns of the others between two actions of the user, at most. */
  const slowness = 10 + dice.random() * 190;
  let now = 1_000_000;
  const nowMs = () => ++now;
  let faulty = true;
  const hub = createMemoryStore({ bucket: 'hub', nowMs: () => now * 1000, versioned: faults.versioned });
  const ledger = createMemoryLedger();
  const fileManager = createMemoryFileManager();
  const deliveries = createMemoryDeliveryQueue();
  const reports = createMemoryStore({ bucket: 'reports' });
  const { log } = createMemoryLog();
  const fault = () => {
    const code = `HTTP ${dice.random() < 0.8 ? 500 : 400}`;
    const failure = new SyncError('down', { op: 'call', retryable: code === 'HTTP 500', code });
    return dice.random() < 0.5 ? new Killed() : failure;
  };

  /** Each call takes its turn before and after it, and may fail or be cut off at either. */
  function chaotic<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          await dice.turn();
          if (faulty && dice.random() < faults.rate) throw fault();
          const result: unknown = await value.apply(target, args);
          await dice.turn();
          if (faulty && dice.random() < faults.rate) throw fault();
          return result;
        };
      },
    });
  }
  const ports = {
    hub: chaotic(hub),
    ledger: chaotic(ledger),
    fileManager: chaotic(fileManager),
    deliveries: chaotic(deliveries),
    reports: chaotic(reports),
    breaker: createBreaker({ failures: 3, coolDownMs: 5 }),
    deletes: true,
    log,
    nowMs,
  };

  const events: ObjectEvent[] = [];
  let sequence = 0;
  const tell = (fields: Partial<ObjectEvent> & { key: ObjectKey }) => {
    const sequencer =
      faults.ordered && fields.kind !== 'look' ? (++sequence).toString(16).padStart(8, '0') : '';
    events.push(objectEvent({ sequencer, etag: '', timeMs: nowMs(), ...fields }));
  };

  async function put(key: ObjectKey, content: string): Promise<void> {
    const { etag, versionId = '' } = await hub.put(key, Buffer.from(content), { metadata: {} });
    tell({ key, kind: 'created', etag, versionId, sizeBytes: content.length });
  }

  async function remove(key: ObjectKey): Promise<void> {
    if (hub.contents(key) === undefined) return;
    await hub.delete(key);
    tell({ key, kind: 'removed' });
  }

  async function act(one: Action): Promise<void> {
    nowMs();
    if (one.do === 'put') return put(one.key, one.content);
    if (one.do === 'delete') return remove(one.key);
    if (one.do === 'permissions') {
      return tell({ key: one.key, kind: 'look', permissions: `{"mode":${one.mode}}` });
    }
    const content = hub.contents(one.key);
    if (content === undefined || one.to === one.key) return;
    await put(one.to, content.toString());
    await remove(one.key);
    if (one.told) tell({ key: one.to, kind: 'look', renamedFrom: one.key });
  }

  /** Some events, in any order, some of them twice; those that fail come again. */
  async function replaySome(): Promise<void> {
    const batch: ObjectEvent[] = [];
    while (batch.length < 4 && events.length > 0) {
      const [event] = events.splice(Math.floor(dice.random() * events.length), 1);
      if (event === undefined) break;
      batch.push(event);
      if (faulty && dice.random() < 0.2) events.push(event);
    }
    const replayed = createReplayedBatch({ ...ports });
    try {
      for (const event of batch) replayed.add(await replayEvent(ports, event));
      for (const one of replayed.renames()) {
        const carried = await carryPermissions(ports, one);
        if (carried !== undefined) replayed.add(carried);
      }
      await replayed.handOn(String(nowMs()));
    } catch (error) {
      if (!(error instanceof SyncError || error instanceof Killed)) throw error;
      events.push(...batch);
    }
  }

  async function deliverSome(): Promise<void> {
    const batch = deliveries.receive(4);
    if (batch.Records.length === 0) return;
    const lanes = { log, remainingMs: () => 900_000, release: async () => undefined };
    const metrics = { add: () => undefined, flush: () => undefined };
    const { batchItemFailures } = await deliverBatch(batch, lanes, ports, { keysAtOnce: 10, metrics });
    deliveries.settle(batch, new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)));
  }

  return {
    hub,
    ledger,
    fileManager,
    deliveries,
    async live(actions: readonly Action[]): Promise<void> {
      let acting = true;
      const user = async () => {
        for (const one of actions) {
          for (let turns = dice.random() * slowness; turns > 0; turns--) await dice.turn();
          await act(one);
        }
        acting = false;
      };
      const often = async (work: () => Promise<void>) => {
        while (acting) {
          await dice.turn();
          await work();
        }
      };
      await dice.until(Promise.all([user(), often(replaySome), often(deliverSome), often(deliverSome)]));
    },
    /** Faults heal; what waits is worked off. */
    async heal(): Promise<void> {
      faulty = false;
      for (let rounds = 0; events.length > 0 || deliveries.waiting > 0; rounds++) {
        if (rounds > 500) throw new Error('the queues do not become empty');
        now += 10;
        await dice.until(Promise.all([replaySome(), deliverSome(), deliverSome()]));
      }
    },
  };
}

const md5 = (text: Buffer) => createHash('md5').update(text).digest('hex');

describe('whatever happens, in whatever order, however often, and whatever fails', () => {
  it.each([
    ['a versioned hub with ordered events', { versioned: true, ordered: true }],
    ['a versioned hub with events in no order', { versioned: true, ordered: false }],
    ['a hub without versions', { versioned: false, ordered: true }],
    ['a hub without versions, its events in no order', { versioned: false, ordered: false }],
  ])(
    'the file manager ends with what %s has, and no idempotency key stands for two calls',
    async (_what, kind) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(action, { minLength: 1, maxLength: 20 }),
          fc.integer(),
          fc.constantFrom(0, 0.01, 0.02, 0.05),
          async (actions, seed, rate) => {
            const { live, heal, hub, ledger, fileManager } = world(seed, { ...kind, rate });
            await live(actions);
            await heal();
            for (const one of KEYS) {
              const content = hub.contents(one);
              const file = fileManager.files.get(one);
              expect(file?.md5, `content of ${one}`).toBe(content === undefined ? undefined : md5(content));
              if (file === undefined) continue;
              const row = await ledger.get(one);
              expect(file.permissions, `permissions of ${one}`).toBe(row?.permissions?.json ?? '{}');
              expect(row?.delivery?.etag).toBe(row?.etag);
            }
          },
        ),
        { numRuns: 200 },
      );
    },
  );
});
