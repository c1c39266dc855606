/**
 * Keeps the ledger: S3 events -> rows, compare-and-set.
 *
 * Trigger: the ledger queue, in batches. Idempotent: an event folded twice changes nothing.
 * Steps: parse -> per key: read the row -> fold -> HEAD where the order cannot be told -> write if nobody else did.
 */
import type { SQSHandler } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import type { Ledger, ObjectHead, ObjectStore } from '#core/ports.ts';
import { fold } from '#core/replay.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { liveBatch, liveHub, liveLedger } from './live.ts';
import type { Log } from './log.ts';
import { processBatch } from './sqs-batch.ts';

export interface ReplayPorts {
  hub: Pick<ObjectStore, 'head'>;
  ledger: Pick<Ledger, 'get' | 'put'>;
  log: Log;
  nowMs: () => number;
}

const MAX_CONFLICTS = 8;

export const handler: SQSHandler = async (event, context) => {
  const batch = liveBatch('event-replay', context);
  const ports = { hub: liveHub(), ledger: liveLedger(), log: batch.log, nowMs: Date.now };
  return processBatch(event, batch, { keysAtOnce: 10, reserveMs: 5_000 }, async (_key, events) => {
    for (const one of events) await replayEvent(ports, one);
  });
};

/** Folds one event into the ledger; another writer's row makes it read and fold again. */
export async function replayEvent(ports: ReplayPorts, event: ObjectEvent): Promise<void> {
  const { hub, ledger, log, nowMs } = ports;
  const { key, name, sequencer } = event;
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const entry = await ledger.get(key);
    let head: ObjectHead | undefined | 'not asked' = 'not asked';
    let outcome = fold(entry, event, head, nowMs());
    if ('ask' in outcome) {
      // After the row was read: whoever wrote it knew an earlier state than this.
      head = await hub.head(key);
      outcome = fold(entry, event, head, nowMs());
    }
    if ('ignore' in outcome) return log.info('event ignored', { key, event: name, reason: outcome.ignore });
    if ('ask' in outcome) throw new Error('fold asked for HEAD twice');
    const { write, reason } = outcome;
    if ((await ledger.put(write)) === 'written') {
      const { state, etag, revision } = write;
      return log.info('ledger written', { key, event: name, sequencer, state, etag, revision, reason });
    }
  }
  throw new SyncError(`ledger row of ${key}: ${MAX_CONFLICTS} times another writer was first`, {
    op: 'replay',
    key,
    retryable: true,
    code: 'Conflict',
  });
}
