/**
 * The keys of a bucket that one destination has to be looked at for: so many at once, each by one at a time, tried
 * again as the settings say, and parked where they can be seen.
 */

import type { Copied } from '#adapters/copy-seen.ts';
import type { BucketTasks } from '#adapters/host/bucket-tasks.ts';
import {
  type MirrorHints,
  type MirrorOutcome,
  type MirrorPorts,
  mirrorObject,
} from '#adapters/mirror-object.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { backoffMs } from '#core/retry.ts';
import type { BucketDestination, BucketSettings } from '#core/settings/agent-buckets.ts';
import { laneName } from './bucket-view.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface LaneContext {
  bucket: BucketSettings;
  destination: BucketDestination;
  ports: Omit<MirrorPorts, 'remainingMs' | 'looks'>;
  /** Whether the destination's store can read the source by itself. */
  way: 'server' | 'stream';
  tags: boolean;
  tasks: BucketTasks;
  /** Deletes that wait for a person. */
  held: BucketTasks;
  log: Log;
  metrics: Metrics;
  nowMs(): number;
  /** Uniform in [0, 1). */
  random(): number;
  stopping: AbortSignal;
  /** What no key is to blame for: the ledger cannot be written, or an error of ours. */
  onBroken(error: unknown): void;
}

interface LaneHints extends MirrorHints {
  /** The key was looked at, with or without success; told what was copied, if nobody has confirmed that yet. */
  whenDone?: (unconfirmed?: Copied['source']) => void;
}

export interface Lane {
  /** Resolves when there is room for more. A key that is in work is looked at once more afterwards. */
  offer(key: ObjectKey, hints?: LaneHints): Promise<void>;
  /** Tries again what is due and not in work; answers how many keys that were. */
  offerDue(): number;
  /** Resolves when nothing is queued or in work, or the agent stops and nothing is in work. */
  idle(): Promise<void>;
  readonly queued: number;
  /** Attempts that failed, since the start. */
  readonly failures: number;
}

const MAX_QUEUED = 1000;
/**
 * A copy in parts notes that often how it stands, so that an agent that ended without a word goes on from there. Copies
 * stop a minute before.
 */
const SLICE_MS = 180_000;
const LONGEST_DELAY_MS = 3_600_000;
const DUE_AT_ONCE = 100;

export function createLane(context: LaneContext): Lane {
  const { bucket, destination, ports, tasks, held, log, metrics, nowMs, stopping } = context;
  const name = laneName(bucket.name, destination.name);
  const settings = {
    name: destination.name,
    prefix: destination.prefix,
    deletes: destination.deletes,
    way: context.way,
    tags: context.tags,
    createBucket: destination.createBucket,
  };
  const queue = new Map<ObjectKey, LaneHints>();
  const inWork = new Map<ObjectKey, LaneHints | undefined>();
  const roomWaiters: (() => void)[] = [];
  const idleWaiters: (() => void)[] = [];
  let failures = 0;

  function start(): void {
    for (const [key, hints] of queue) {
      if (stopping.aborted || inWork.size >= bucket.concurrency) break;
      queue.delete(key);
      inWork.set(key, undefined);
      work(key, hints).catch(context.onBroken);
    }
    while (queue.size < MAX_QUEUED || stopping.aborted) {
      const resolve = roomWaiters.shift();
      if (resolve === undefined) break;
      resolve();
    }
    if (inWork.size > 0 || (queue.size > 0 && !stopping.aborted)) return;
    for (const resolve of idleWaiters.splice(0)) resolve();
  }

  async function work(key: ObjectKey, { whenDone, ...hints }: LaneHints): Promise<void> {
    const untilMs = nowMs() + SLICE_MS;
    let unconfirmed: Copied['source'] | undefined;
    try {
      const outcome = await mirrorObject(
        {
          ...ports,
          remainingMs: () => (stopping.aborted ? 0 : untilMs - nowMs()),
          looks: { send: async (looks) => again(looks.map((look) => look.key)) },
        },
        settings,
        key,
        hints,
      );
      unconfirmed = outcome.unconfirmed;
      done(key, outcome);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      failed(key, error);
    } finally {
      const next = inWork.get(key);
      inWork.delete(key);
      if (next !== undefined) queue.set(key, next);
      whenDone?.(unconfirmed);
      start();
    }
  }

  function again(keys: readonly ObjectKey[]): void {
    for (const key of keys) if (inWork.has(key)) inWork.set(key, { ...inWork.get(key), look: true });
  }

  function done(key: ObjectKey, { did, reason, sizeBytes, lagMs }: MirrorOutcome): void {
    if (tasks.get(key) !== undefined) tasks.remove(key);
    switch (did) {
      case 'copied':
        log.info('mirrored', { key, bucket: name, reason, bytes: sizeBytes });
        metrics.done(name, 'copied', sizeBytes);
        if (lagMs !== undefined) metrics.lag(name, lagMs / 1000);
        break;
      case 'deleted':
        log.info('deleted at the destination', { key, bucket: name, reason });
        metrics.done(name, 'deleted');
        break;
      case 'held':
        held.put({ key, state: 'held', attempts: 0, nextAttemptMs: nowMs(), reason });
        log.warn('delete held', { key, bucket: name, reason });
        break;
      case 'continued':
        log.info('the copy goes on', { key, bucket: name, reason });
        break;
      case 'tagged':
        log.info('tags mirrored', { key, bucket: name, reason });
        metrics.done(name, 'copied');
        break;
      case 'nothing':
        log.debug('looked at', { key, bucket: name, reason });
        metrics.done(name, 'unchanged');
    }
  }

  function failed(key: ObjectKey, error: SyncError): void {
    failures++;
    metrics.done(name, 'failed');
    const attempts = (tasks.get(key)?.attempts ?? 0) + 1;
    const parked = !error.retryable || attempts >= bucket.retry.attempts;
    const policy = { baseDelayMs: bucket.retry.delay, maxDelayMs: LONGEST_DELAY_MS };
    const delayMs = backoffMs(policy, attempts, 0.5 + context.random() / 2);
    tasks.put({
      key,
      state: parked ? 'parked' : 'waiting',
      attempts,
      nextAttemptMs: parked ? 0 : nowMs() + delayMs,
      reason: error.message,
    });
    const say = parked ? log.error : log.warn;
    say(`${parked ? 'parked' : 'not mirrored'}: ${error.message}`, {
      key,
      bucket: name,
      attempts,
      ...(parked ? {} : { nextSeconds: Math.round(delayMs / 1000) }),
      hint: error.hint,
    });
  }

  stopping.addEventListener('abort', start, { once: true });

  function room(): Promise<void> {
    if (queue.size < MAX_QUEUED || stopping.aborted) return Promise.resolve();
    return new Promise((resolve) => roomWaiters.push(resolve));
  }

  return {
    offer(key, hints = {}) {
      if (stopping.aborted) return Promise.resolve();
      if (inWork.has(key)) inWork.set(key, { ...inWork.get(key), ...hints });
      else queue.set(key, { ...queue.get(key), ...hints });
      start();
      return room();
    },
    offerDue() {
      const due = tasks.due(nowMs(), DUE_AT_ONCE).filter(({ key }) => !queue.has(key) && !inWork.has(key));
      for (const { key } of due) queue.set(key, { look: true });
      start();
      return due.length;
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        start();
      }),
    get queued() {
      return queue.size + inWork.size;
    },
    get failures() {
      return failures;
    },
  };
}
