/** From the close of a file until its object can be seen, one file at a time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { S3Store } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import type { Bench } from '../bench.ts';
import { percentile, type Run } from '../figures.ts';
import type { Case } from '../runner.ts';
import { type Server, storeOf, type Target } from '../servers.ts';
import { WATCHED_PREFIX, type Watcher, watchersOf } from '../watchers.ts';

const FILES = 300;
const BODY = Buffer.alloc(4096, 7);
/** Between looks: the contender is to have the processor. */
const LOOK_EVERY_MS = 1;
const LOST_MS = 20_000;
const WATCHES_WITHIN_MS = 1_000;
/** Files come when nothing else is going on, and not in step with anybody's clock. */
const PAUSES_MS = [3, 17, 8, 29, 5, 23, 11];

export const latencyCase: Case = {
  name: 'latency',
  what: `close() until the object is in MinIO, ${FILES} files of 4 KiB one by one; and a bare PUT on a connection that is open`,
  async contenders(bench) {
    const server = await bench.minio();
    const files = bench.quick ? FILES / 10 : FILES;
    return [
      ...(await watchersOf(bench)).map((watcher) => ({
        name: watcher.name,
        run: () => watched(bench, server, watcher, files),
      })),
      { name: 'bare PUT', run: () => barePuts(server, files) },
    ];
  },
};

async function watched(bench: Bench, server: Server, watcher: Watcher, files: number): Promise<Run> {
  const target = await server.newBucket();
  const directory = bench.newDirectory('latency');
  const watching = await watcher.start(directory, target);
  try {
    await untilWatching(server, target, directory);
    return await latencies(files, async (index) => {
      const name = `file-${index}.bin`;
      writeFileSync(join(directory, name), BODY);
      const closedMs = performance.now();
      if (!(await isSeen(server, target, name, LOST_MS))) throw new Error(`${name} was not uploaded`);
      return performance.now() - closedMs;
    });
  } finally {
    await watching.stop();
  }
}

async function barePuts(server: Server, files: number): Promise<Run> {
  const target = await server.newBucket();
  return withStore(target, async (store) => {
    const put = (name: string) => store.put(objectKey(name), BODY, { metadata: {} });
    // Opens the connection.
    await put('first.bin');
    return latencies(files, async (index) => {
      const startedMs = performance.now();
      await put(`file-${index}.bin`);
      return performance.now() - startedMs;
    });
  });
}

/** What was there before the watch, and what comes while it is set up, is no event. */
async function untilWatching(server: Server, target: Target, directory: string): Promise<void> {
  for (let tries = 0; tries * WATCHES_WITHIN_MS < LOST_MS; tries++) {
    const name = `first-${tries}.bin`;
    writeFileSync(join(directory, name), BODY);
    if (await isSeen(server, target, name, WATCHES_WITHIN_MS)) return;
  }
  throw new Error('it does not watch');
}

async function isSeen(server: Server, target: Target, name: string, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (server.shows?.(target, `${WATCHED_PREFIX}${name}`) !== true) {
    if (performance.now() > deadlineMs) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}

async function latencies(files: number, measure: (index: number) => Promise<number>): Promise<Run> {
  const all: number[] = [];
  for (let index = 0; index < files; index++) {
    await delay(PAUSES_MS[index % PAUSES_MS.length]);
    all.push(await measure(index));
  }
  return { more: { p50Ms: percentile(all, 0.5), p99Ms: percentile(all, 0.99) } };
}

async function withStore<Value>(target: Target, work: (store: S3Store) => Promise<Value>): Promise<Value> {
  const store = storeOf(target);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
