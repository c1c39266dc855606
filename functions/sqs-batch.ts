/** One batch of messages about the hub's keys: keys side by side, the events of one key in order. */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import { parseHubEvents } from '#core/hub-event.ts';
import type { ObjectKey } from '#core/key.ts';
import { isReserved } from '#core/names.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { answerBatch, type Failed, failMessages, type LanePorts, runLanes } from './sqs-lanes.ts';

export interface BatchPorts extends LanePorts {
  /** The bucket that events may be of. */
  bucket: string;
}

export interface BatchOptions {
  keysAtOnce: number;
  /** Work on a key is not begun with less time left than that. */
  reserveMs: number;
  /** After the last key; when it throws, every message comes again. */
  finish?: () => Promise<void>;
}

/** Every event of the batch of one key, oldest message first; throws when it must come again. */
export type KeyHandler = (key: ObjectKey, events: readonly ObjectEvent[]) => Promise<void>;

/**
 * Answers the messages that failed, for `ReportBatchItemFailures`: a message fails when it cannot be read or when the
 * work on one of its keys fails. Never throws for what a message holds.
 */
export async function processBatch(
  { Records }: SQSEvent,
  ports: BatchPorts,
  { keysAtOnce, reserveMs, finish }: BatchOptions,
  handle: KeyHandler,
): Promise<SQSBatchResponse> {
  const { failed, byKey } = readBatch(Records, ports);
  const lanes = [...byKey].map(([key, items]) => {
    const events = items.map(({ event }) => event);
    return {
      key,
      steps: [{ messages: items.map(({ message }) => message), run: () => handle(key, events) }],
    };
  });
  await runLanes(lanes, failed, ports, { lanesAtOnce: keysAtOnce, reserveMs });
  try {
    await finish?.();
  } catch (error) {
    failMessages(Records, error, failed, ports.log, '');
  }
  return answerBatch(failed, ports);
}

/** The events of each key, oldest message first; messages that cannot be used have failed. */
export function readBatch(
  messages: readonly SQSRecord[],
  ports: Pick<BatchPorts, 'log' | 'bucket'>,
): { failed: Failed; byKey: Map<ObjectKey, { message: SQSRecord; event: ObjectEvent }[]> } {
  const failed: Failed = new Map();
  const byKey = new Map<ObjectKey, { message: SQSRecord; event: ObjectEvent }[]>();
  for (const message of messages) {
    const events = read(message, ports);
    if (events === undefined) failed.set(message, 'hopeless');
    for (const event of events ?? []) {
      const known = byKey.get(event.key);
      if (known === undefined) byKey.set(event.key, [{ message, event }]);
      else known.push({ message, event });
    }
  }
  return { failed, byKey };
}

/** The message's events, all of the hub and of users' keys; `undefined`, logged, when it cannot be used. */
function read(
  message: SQSRecord,
  { log, bucket }: Pick<BatchPorts, 'log' | 'bucket'>,
): ObjectEvent[] | undefined {
  try {
    const events = parseHubEvents(message.body, bucket);
    const foreign = events.find((event) => event.bucket !== bucket);
    if (foreign !== undefined) throw wrongBucket(foreign, bucket);
    if (events.length === 0) log.info('test event ignored', { messageId: message.messageId });
    return events.filter(({ key, name }) => {
      if (!isReserved(key)) return true;
      log.debug('event ignored: the key is reserved', { key, event: name });
      return false;
    });
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const { key, code, hint } = error;
    const receiveCount = message.attributes.ApproximateReceiveCount;
    log.error('message refused', { messageId: message.messageId, receiveCount, key, code, hint, error });
    return undefined;
  }
}

function wrongBucket(event: ObjectEvent, bucket: string): SyncError {
  return new SyncError(`the event is of bucket ${event.bucket}, the hub is ${bucket}`, {
    op: 'parse-event',
    key: event.key,
    retryable: false,
    code: 'WrongBucket',
    hint: `Remove the notification of ${event.bucket} to this topic.`,
  });
}
