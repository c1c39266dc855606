/**
 * Tells the CDN what changed, a window at a time. Of what is not yet told only that there is something survives a
 * crash: the next start then invalidates the prefixes as a whole, one path each. That covers every lost key, and
 * costs no write for each change.
 */
import { createHash } from 'node:crypto';
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { Cdn } from '#core/cdn.ts';
import { SyncError } from '#core/errors.ts';
import { invalidationBatches, invalidationOfPrefixes } from '#core/invalidation.ts';
import type { ObjectKey } from '#core/key.ts';
import { backoffMs } from '#core/retry.ts';
import type { Log } from './log.ts';

export interface InvalidatorOptions {
  cdn: Cdn;
  index: Pick<HostIndex, 'note' | 'setNote'>;
  /** Of every folder that writes; what is invalidated when it is not known what changed. */
  prefixes: readonly string[];
  windowMs: number;
  log: Log;
  /** Two agents of one distribution must not have one reference. */
  agent: string;
}

export interface Invalidator {
  /** Call it before the change is noted as done: a crash in between then repeats both. */
  changed(key: ObjectKey): void;
  /** Tells what is collected without waiting for the window; what cannot be told is for the next start. */
  stop(): Promise<void>;
  /** For `status`. */
  view(): { waiting: number; lastError: string };
}

interface Batch {
  paths: string[];
  reference: string;
}

const NOTE = 'cdn.untold';
const RETRY = { baseDelayMs: 1_000, maxDelayMs: 300_000 };
/** So many keys are worth remembering one by one while the CDN cannot be reached. */
const MAX_KEYS = 50_000;

export function createInvalidator(options: InvalidatorOptions): Invalidator {
  const { cdn, index, prefixes, windowMs, log, agent } = options;
  let keys = new Set<string>();
  let everything = false;
  let batches: Batch[] = [];
  let failures = 0;
  let lastError = '';
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> | undefined;
  let stopped = false;
  let noted = index.note(NOTE) !== undefined;

  if (noted) {
    log.warn(
      'the last run ended before the CDN was told of its changes: invalidating the prefixes as a whole',
    );
    everything = true;
    plan(0);
  }

  function waiting(): number {
    const planned = batches.reduce((sum, { paths }) => sum + paths.length, 0);
    return planned + keys.size + (everything ? prefixes.length : 0);
  }

  function plan(delayMs: number): void {
    if (stopped || timer !== undefined || telling !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      telling = tell().finally(() => {
        telling = undefined;
        if (failures > 0) plan(backoffMs(RETRY, failures, 0.5 + Math.random() / 2));
        else if (waiting() > 0) plan(windowMs);
      });
    }, delayMs);
  }

  async function tell(): Promise<void> {
    if (batches.length === 0) batches = collected();
    try {
      for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
        await cdn.invalidate(batch.paths, batch.reference);
        log.info('invalidated', { paths: batch.paths.length, first: batch.paths[0] });
        batches.shift();
      }
      failures = 0;
      lastError = '';
      if (waiting() > 0) return;
      index.setNote(NOTE, undefined);
      noted = false;
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      failed(error);
    }
  }

  function failed(error: SyncError): void {
    failures++;
    lastError = error.message;
    log.warn(error.message, { attempts: failures, hint: error.hint });
    // One path that it does not take must not hold up the others.
    if (error.code !== 'InvalidArgument') return;
    batches = [];
    everything = true;
  }

  /** Takes what waits. The time in the reference tells the same change in a later window from this one. */
  function collected(): Batch[] {
    const planned = everything ? invalidationOfPrefixes(prefixes) : invalidationBatches(keys);
    keys = new Set();
    everything = false;
    const atMs = Date.now();
    return planned.map((paths) => ({ paths, reference: referenceOf(agent, atMs, paths) }));
  }

  return {
    changed(key) {
      if (!everything) keys.add(key);
      if (keys.size > MAX_KEYS) {
        keys.clear();
        everything = true;
      }
      plan(windowMs);
      // Last: what a full disk keeps from being noted is told all the same.
      if (!noted) index.setNote(NOTE, 'yes');
      noted = true;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await telling;
      if (waiting() > 0) await tell();
      // What was collected while the batches of an earlier window had yet to be told.
      if (waiting() > 0 && failures === 0) await tell();
    },
    view: () => ({ waiting: waiting(), lastError }),
  };
}

function referenceOf(agent: string, atMs: number, paths: readonly string[]): string {
  const digest = createHash('sha256').update(paths.join('\n')).digest('hex').slice(0, 16);
  return `${agent}-${atMs}-${digest}`;
}
