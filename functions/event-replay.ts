/**
 * Keeps the ledger: events -> rows, compare-and-set -> change journal -> requests to deliver.
 *
 * Trigger: the ledger queue, in batches. Idempotent: an event folded twice changes nothing, and hands on the row as it
 * is. So nothing is lost when the function ends between two steps: its messages come again, and whatever the row shows
 * is written to the journal and asked for once more. Readers of the journal therefore take the line with the highest
 * revision of a key, and deliver looks at the key itself.
 * Steps: parse -> per key: read the row -> fold -> HEAD where the order cannot be told -> write if nobody else did;
 * then, once for the batch: permissions of renamed objects -> one object of the journal -> one delivery request a key.
 */
import type { SQSBatchResponse, SQSEvent, SQSHandler } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import type { Ledger, ObjectHead, ObjectStore } from '#core/ports.ts';
import { fold } from '#core/replay.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { liveBatch, liveDeliveries, liveHub, liveLedger, liveMetrics, liveReports } from './live.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { createReplayedBatch, type HandOnPorts, type Replayed } from './replayed-batch.ts';
import { type BatchPorts, processBatch } from './sqs-batch.ts';

export interface ReplayPorts {
  hub: Pick<ObjectStore, 'head'>;
  ledger: Pick<Ledger, 'get' | 'put'>;
  log: Log;
  nowMs: () => number;
}

const MAX_CONFLICTS = 8;

export const handler: SQSHandler = async (event, context) => {
  const ports = {
    hub: liveHub(),
    ledger: liveLedger(),
    reports: liveReports(),
    deliveries: liveDeliveries(),
    metrics: liveMetrics('event-replay'),
    nowMs: Date.now,
  };
  return liveBatch('event-replay', context, (batch) =>
    replayBatch(event, batch, ports, context.awsRequestId),
  );
};

/** @param id of the invocation: sets what this batch asks for apart from what others do */
export async function replayBatch(
  event: SQSEvent,
  batch: BatchPorts,
  { hub, ledger, nowMs, metrics, ...handOn }: Omit<ReplayPorts, 'log'> & HandOnPorts & { metrics: Metrics },
  id: string,
): Promise<SQSBatchResponse> {
  const ports = { hub, ledger, log: batch.log, nowMs };
  const replayed = createReplayedBatch({ ...handOn, nowMs });
  const finish = async () => {
    for (const one of replayed.renames()) {
      const carried = await carryPermissions(ports, one);
      if (carried !== undefined) replayed.add(carried);
    }
    await replayed.handOn(id);
  };
  const options = { keysAtOnce: 10, reserveMs: 5_000, finish };
  const answer = await processBatch(event, batch, options, async (_key, events) => {
    for (const one of events) {
      replayed.add(await replayEvent(ports, one));
    }
  });
  metrics.add('EventsReplayed', replayed.size);
  metrics.add('EventsFailed', answer.batchItemFailures.length);
  metrics.flush();
  return answer;
}

/** Folds one event into the ledger; another writer's row makes it read and fold again. */
export async function replayEvent(ports: ReplayPorts, event: ObjectEvent): Promise<Replayed> {
  const { hub, ledger, log, nowMs } = ports;
  const carrying = await withPermissionsOfOldKey(ledger, event);
  const { key, name } = event;
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const before = await ledger.get(key);
    let head: ObjectHead | undefined | 'not asked' = 'not asked';
    let outcome = fold(before, event, head, nowMs());
    if ('ask' in outcome) {
      // After the row was read: whoever wrote it knew an earlier state than this.
      head = await hub.head(key);
      // Those of an object that is not there are not kept for one yet to come.
      outcome = fold(before, head === undefined ? event : carrying, head, nowMs());
    }
    if ('ignore' in outcome) {
      log.info('event ignored', { key, event: name, reason: outcome.ignore });
      return { event, before, after: before, written: false, reason: outcome.ignore };
    }
    if ('ask' in outcome) throw new Error('fold asked for HEAD twice');
    const { write, reason } = outcome;
    if ((await ledger.put(write)) === 'written') {
      const { state, revision } = write;
      log.info('ledger written', { key, event: name, reason, state, revision });
      return { event, before, after: write, written: true, reason };
    }
  }
  throw new SyncError(`ledger row of ${key}: ${MAX_CONFLICTS} times another writer was first`, {
    op: 'replay',
    key,
    retryable: true,
    code: 'Conflict',
  });
}

/**
 * Permissions go with the object that is renamed. Called once the whole batch is replayed, because it may hold the event
 * that tells them; `undefined`: there is nothing to carry any more.
 */
export async function carryPermissions(
  ports: ReplayPorts,
  { event, after }: Replayed,
): Promise<Replayed | undefined> {
  if (after?.state !== 'present') return undefined;
  const { permissions } = await withPermissionsOfOldKey(ports.ledger, event);
  if (permissions === event.permissions || permissions === after.permissions?.json) return undefined;
  return replayEvent(ports, event);
}

/** Those told up to the rename. */
async function withPermissionsOfOldKey(
  ledger: Pick<Ledger, 'get'>,
  event: ObjectEvent,
): Promise<ObjectEvent> {
  if (event.renamedFrom === undefined) return event;
  const told = (await ledger.get(event.renamedFrom))?.permissions;
  if (told === undefined || told.atMs > event.timeMs) return event;
  return { ...event, permissions: told.json, timeMs: told.atMs };
}
