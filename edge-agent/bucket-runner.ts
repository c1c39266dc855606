/** Keeps one destination of a bucket like its source for as long as the agent runs, or once. */
import { randomUUID } from 'node:crypto';
import type { SeenSource } from '#adapters/copy-seen.ts';
import type { ReconcileResult } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { backoffMs } from '#core/retry.ts';
import { type CompareContext, compareBucket, releaseHeld } from './bucket-compare.ts';
import { createLane, type LaneContext } from './bucket-lane.ts';
import { type BucketView, laneName, placesOf } from './bucket-view.ts';

export type RunnerContext = Omit<LaneContext, 'stopping' | 'onBroken'> &
  Pick<CompareContext, 'ledger' | 'plan'> & {
    /** What the last agent knew; for the view until the first comparison has ended. */
    last: ReconcileResult | undefined;
  };

export interface BucketRunner {
  /** Works until `stop`. */
  run(): void;
  /** One comparison and all that comes of it, retries included; answers how many objects could not be mirrored. */
  once(): Promise<number>;
  /** Takes no more work, and resolves when what is in flight has been finished or noted. */
  stop(): Promise<void>;
  /** A change was told of, and perhaps what the object is now. */
  changed(key: ObjectKey, seen?: SeenSource): void;
  /** Compares now: something may have been missed, or somebody asks for it. */
  compareNow(): void;
  /** Tries now what waits or is parked, and compares. */
  retry(): void;
  /** Carries out the deletes that the guard holds. */
  approveDeletes(): void;
  view(): Omit<BucketView, 'noticed'>;
}

const TICK_MS = 1_000;
const LONGEST_DELAY_MS = 3_600_000;
/** Above it what is told is left to a comparison, which is told of nothing but needs no memory. */
const MOST_TOLD = 10_000;

export function createBucketRunner(context: RunnerContext): BucketRunner {
  const { bucket, destination, tasks, held, log, nowMs, random } = context;
  const name = laneName(bucket.name, destination.name);
  const stopping = new AbortController();
  const inside = { ...context, stopping: stopping.signal, onBroken: broken };
  const lane = createLane(inside);
  const compare: CompareContext = { ...inside, lane };
  const count = { succeeded: 0, failed: 0 };
  let last = context.last;
  let comparing = false;
  let started = false;
  let approved = false;
  let reason = '';
  /** Comparisons that failed in a row. */
  let failures = 0;
  let nextMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();

  function broken(error: unknown): void {
    const hint = error instanceof SyncError ? error.hint : undefined;
    log.error(error instanceof Error ? error.message : String(error), { bucket: name, hint });
    nextMs = Math.min(nextMs, nowMs() + bucket.retry.delay);
  }

  /** Whether it saw both sides whole; `false` when it failed or the agent stops. */
  async function comparison(): Promise<boolean> {
    comparing = true;
    // Set before: what asks for another meanwhile gets it.
    nextMs = nowMs() + bucket.interval * (0.95 + random() / 10);
    log.debug('comparing', { bucket: name });
    try {
      const result = await compareBucket(compare, randomUUID());
      if (result === undefined) return false;
      last = result;
      reason = '';
      failures = 0;
      count.succeeded++;
      const { objects, bytes, copies, deletes } = result;
      const ms = result.endedMs - result.startedMs;
      const left = Object.values(tasks.counts()).reduce((sum, one) => sum + one, 0);
      const numbers = { objects, bytes, copies, deletes, held: result.held, left, ms };
      log.info('comparison ended', { bucket: name, ...numbers });
      return true;
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      failed(error);
      return false;
    } finally {
      comparing = false;
    }
  }

  function failed(error: SyncError): void {
    count.failed++;
    failures++;
    reason = error.message;
    const again = failures < bucket.retry.attempts;
    const policy = { baseDelayMs: bucket.retry.delay, maxDelayMs: LONGEST_DELAY_MS };
    if (again) nextMs = nowMs() + backoffMs(policy, failures, 0.5 + random() / 2);
    const say = again ? log.warn : log.error;
    const nextSeconds = Math.max(0, Math.round((nextMs - nowMs()) / 1000));
    say(`not compared: ${error.message}`, {
      bucket: name,
      attempts: failures,
      nextSeconds,
      hint: error.hint,
    });
    if (!again) failures = 0;
  }

  async function release(): Promise<void> {
    approved = false;
    const released = await releaseHeld(compare);
    log.info(`${released} deletes approved`, { bucket: name });
  }

  async function work(): Promise<void> {
    if (approved) await release();
    if (nowMs() >= nextMs) await comparison();
  }

  function tick(): void {
    lane.offerDue();
    if (!comparing && (approved || nowMs() >= nextMs)) {
      comparing = true;
      ticking = work()
        .catch(broken)
        .finally(() => {
          comparing = false;
        });
    }
  }

  /** What failed is tried as often as the settings say. */
  async function settle(): Promise<void> {
    for (;;) {
      await lane.idle();
      const dueMs = tasks.nextDueMs();
      if (dueMs === undefined || stopping.signal.aborted) return;
      await pause(Math.max(0, dueMs - nowMs()), stopping.signal);
      lane.offerDue();
    }
  }

  return {
    run() {
      started = true;
      tick();
      timer = setInterval(tick, TICK_MS);
    },
    async once() {
      started = true;
      while (!(await comparison())) {
        if (stopping.signal.aborted || failures === 0) return 1;
        await pause(Math.max(0, nextMs - nowMs()), stopping.signal);
      }
      await settle();
      const { waiting, parked } = tasks.counts();
      return waiting + parked + held.counts().held;
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await ticking;
      await lane.idle();
    },
    changed(key, seen) {
      if (lane.queued < MOST_TOLD) void lane.offer(key, seen === undefined ? {} : { seen });
      else nextMs = 0;
    },
    compareNow() {
      nextMs = 0;
    },
    retry() {
      tasks.retryNow();
      nextMs = 0;
      if (started) tick();
    },
    approveDeletes() {
      approved = true;
      if (started) tick();
    },
    view() {
      const { waiting, parked } = tasks.counts();
      const heldDeletes = held.counts().held;
      return {
        name: bucket.name,
        destination: destination.name,
        ...placesOf(bucket, destination),
        ...stateOf(heldDeletes),
        queued: lane.queued,
        waiting,
        parked,
        heldDeletes,
        ...(last === undefined ? {} : { lastComparison: last, lastSuccessMs: last.endedMs }),
        ...count,
      };
    },
  };

  function stateOf(heldDeletes: number): Pick<BucketView, 'state' | 'reason'> {
    if (stopping.signal.aborted) return { state: 'stopped', reason: '' };
    if (reason !== '') return { state: 'unavailable', reason };
    if (heldDeletes > 0) return { state: 'held', reason: held.inState('held')[0]?.reason ?? '' };
    if (comparing) return { state: 'comparing', reason: '' };
    return { state: count.succeeded === 0 ? 'starting' : 'waiting', reason: '' };
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
  });
}
