/**
 * `CASE`: what the code of a function costs by itself, in events a second on ports that answer at once; as JSON on
 * stdout. In a process of its own, so that nothing else is in its memory.
 */
import { mirrorObject } from '#adapters/mirror-object.ts';
import { createBreaker, FILE_MANAGER_BREAKER } from '#core/breaker.ts';
import { invalidationBatches } from '#core/invalidation.ts';
import { objectKey } from '#core/key.ts';
import { deliverKey } from '../../functions/deliver-key.ts';
import { replayEvent } from '../../functions/event-replay.ts';
import { createReplayedBatch } from '../../functions/replayed-batch.ts';
import { processBatch } from '../../functions/sqs-batch.ts';
import { createMemoryDeliveryQueue } from '../doubles/delivery-queue-memory.ts';
import { createMemoryFileManager } from '../doubles/file-manager-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { mirrorWorld } from '../doubles/mirror-world.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import type { Run } from './figures.ts';

const EVENTS = 20_000;
const BATCH = 100;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const keyAt = (index: number) => objectKey(`output/${String(index).padStart(9, '0')}.dat`);

type Measured = Required<Pick<Run, 'objects' | 'seconds' | 'cpuS' | 'rssMb'>>;

const CASES: Record<string, () => Promise<Measured>> = {
  async 'event-replay'() {
    const bodies = Array.from({ length: EVENTS }, (_, index) =>
      s3Body({ key: keyAt(index), sequencer: index.toString(16).padStart(16, '0') }),
    );
    const batches = Array.from({ length: EVENTS / BATCH }, (_, at) =>
      sqsEvent(bodies.slice(at * BATCH, (at + 1) * BATCH)),
    );
    // A ledger that takes everything: what is measured is what comes before it.
    const ledger = { get: async () => undefined, put: async () => 'written' as const };
    const reports = { put: async () => ({ etag: '' }) };
    const ports = { hub: createMemoryStore(), ledger, log: quiet, nowMs: Date.now };
    const batchPorts = {
      log: quiet,
      bucket: 'hub',
      remainingMs: () => 60_000,
      release: async () => {},
    };
    return timed(EVENTS, async () => {
      for (const batch of batches) {
        const replayed = createReplayedBatch({ reports, deliveries: undefined, nowMs: Date.now });
        const options = { keysAtOnce: 10, reserveMs: 5_000, finish: () => replayed.handOn('bench') };
        const answer = await processBatch(batch, batchPorts, options, async (_key, events) => {
          for (const event of events) replayed.add(await replayEvent(ports, event));
        });
        if (answer.batchItemFailures.length > 0) throw new Error('the bench itself is wrong');
      }
    });
  },
  async mirror() {
    const world = mirrorWorld(keyAt(0));
    const body = Buffer.alloc(4096, 7);
    for (let index = 0; index < EVENTS; index++) await world.hub.put(keyAt(index), body, { metadata: {} });
    return timed(EVENTS, async () => {
      for (let index = 0; index < EVENTS; index++) {
        const { did } = await mirrorObject(world.ports, world.settings, keyAt(index), {});
        if (did !== 'copied') throw new Error(`the bench itself is wrong: ${did}`);
      }
    });
  },
  async deliver() {
    const hub = createMemoryStore();
    const body = Buffer.alloc(4096, 7);
    for (let index = 0; index < EVENTS; index++) await hub.put(keyAt(index), body, { metadata: {} });
    const ports = {
      hub,
      ledger: createMemoryLedger(),
      fileManager: createMemoryFileManager(),
      breaker: createBreaker(FILE_MANAGER_BREAKER),
      deliveries: createMemoryDeliveryQueue(),
      deletes: true,
      log: quiet,
      nowMs: Date.now,
    };
    return timed(EVENTS, async () => {
      for (let index = 0; index < EVENTS; index++) await deliverKey(ports, keyAt(index));
    });
  },
  async invalidate() {
    const keys = Array.from({ length: EVENTS }, (_, index) => `site/${index % 997}/page-${index}.html`);
    return timed(EVENTS, async () => {
      for (let at = 0; at < EVENTS; at += 1000) invalidationBatches(keys.slice(at, at + 1000));
    });
  },
};

async function timed(items: number, work: () => Promise<void>): Promise<Measured> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  const rssMb = process.resourceUsage().maxRSS / 1024;
  return { objects: items, seconds, cpuS: (user + system) / 1e6, rssMb };
}

const work = CASES[process.argv[2] ?? ''];
if (work === undefined) throw new RangeError(`expected one of ${Object.keys(CASES).join(', ')}`);
process.stdout.write(JSON.stringify(await work()));
