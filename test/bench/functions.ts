/**
 * What the code of the functions costs by itself: events a second on ports that answer at once, and the memory of a
 * reconcile over a million generated keys. `npm run bench -- [CASE]`; each case runs in a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { mirrorObject } from '#adapters/mirror-object.ts';
import { compareSegment } from '#adapters/reconcile-segment.ts';
import { invalidationBatches } from '#core/invalidation.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import { NOTHING_SEEN } from '#core/reconcile-message.ts';
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

const EVENTS = 20_000;
const BATCH = 100;
const KEYS = 1_000_000;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const keyAt = (index: number) => objectKey(`output/${String(index).padStart(9, '0')}.dat`);

interface Measured {
  items: number;
  /** What an item is. */
  of: string;
  seconds: number;
}

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
    return timed(EVENTS, 'events', async () => {
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
    return timed(EVENTS, 'streamed copies of 4 KiB', async () => {
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
      breaker: { allows: () => true, succeeded: () => {}, failed: () => {} },
      deliveries: createMemoryDeliveryQueue(),
      deletes: true,
      log: quiet,
      nowMs: Date.now,
    };
    return timed(EVENTS, 'keys of 4 KiB', async () => {
      for (let index = 0; index < EVENTS; index++) await deliverKey(ports, keyAt(index));
    });
  },
  async invalidate() {
    const keys = Array.from({ length: EVENTS }, (_, index) => `site/${index % 997}/page-${index}.html`);
    return timed(EVENTS, 'changes', async () => {
      for (let at = 0; at < EVENTS; at += 1000) invalidationBatches(keys.slice(at, at + 1000));
    });
  },
  async reconcile() {
    let looks = 0;
    const ports = {
      hub: { bucket: 'hub', bucketExists: async () => true, list: () => listing(() => true) },
      destination: {
        bucket: 'copy',
        bucketExists: async () => true,
        createBucket: async () => {},
        list: () => listing((index) => index % 1000 !== 0),
      },
      reports: createMemoryStore({ bucket: 'reports' }),
      looks: {
        send: async (some: readonly unknown[]) => {
          looks += some.length;
        },
      },
      remainingMs: () => 900_000,
    };
    const settings = { name: 'copy', prefix: '', deletes: true, createBucket: false };
    const run = { runId: 'bench', segment: 1, dryRun: false, counts: NOTHING_SEEN };
    const measured = await timed(
      KEYS,
      'keys compared',
      async () => void (await compareSegment(ports, settings, run)),
    );
    if (looks !== KEYS / 1000) throw new Error(`the bench itself is wrong: ${looks} looks`);
    return measured;
  },
};

/** As a store lists: a page of 1,000 at a time. */
async function* listing(has: (index: number) => boolean): AsyncGenerator<ObjectSummary> {
  const etag = 'd41d8cd98f00b204e9800998ecf8427e';
  for (let index = 0; index < KEYS; index++) {
    if (index % 1000 === 0) await turn();
    const key: ObjectKey = keyAt(index);
    if (has(index)) yield { key, sizeBytes: 4096, etag, lastModifiedMs: 0 };
  }
}

async function timed(items: number, of: string, work: () => Promise<void>): Promise<Measured> {
  const startedMs = performance.now();
  await work();
  return { items, of, seconds: (performance.now() - startedMs) / 1000 };
}

const [name] = process.argv.slice(2);
const one = name === undefined ? undefined : CASES[name];
if (one !== undefined) {
  const { items, of, seconds } = await one();
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(
    `${String(name).padEnd(13)} ${Math.round(items / seconds).toLocaleString('en-US')} ${of} a second, peak RSS ${rssMb} MB\n`,
  );
} else if (name === undefined) {
  for (const each of Object.keys(CASES)) {
    execFileSync(process.execPath, [import.meta.filename, each], { stdio: 'inherit' });
  }
} else {
  process.stderr.write(`${name} is no case: ${Object.keys(CASES).join(', ')}\n`);
  process.exitCode = 2;
}
