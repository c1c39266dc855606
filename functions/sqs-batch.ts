/** One batch of queue messages: keys side by side, the events of one key in order, failures told one by one. */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { isReserved } from '#core/names.ts';
import { type ObjectEvent, parseS3Event } from '#core/s3-event.ts';
import type { Log } from './log.ts';

export interface BatchPorts {
  log: Log;
  /** The bucket that events may be of. */
  bucket: string;
  /** Milliseconds until Lambda ends the function. */
  remainingMs: () => number;
  /** Makes failed messages visible again after a delay, instead of after the visibility timeout. */
  release: (message: SQSRecord, retryable: boolean) => Promise<void>;
}

export interface BatchOptions {
  keysAtOnce: number;
  /** Work on a key is not begun with less time left than that. */
  reserveMs: number;
}

/** Every event of the batch of one key, oldest message first; throws when it must come again. */
export type KeyHandler = (key: ObjectKey, events: readonly ObjectEvent[]) => Promise<void>;

/**
 * Answers the messages that failed, for `ReportBatchItemFailures`: a message fails when it cannot be read or when the
 * work on one of its keys fails. Never throws for what a message holds.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function processBatch(
  { Records }: SQSEvent,
  ports: BatchPorts,
  options: BatchOptions,
  handle: KeyHandler,
): Promise<SQSBatchResponse> {
  const { log } = ports;
  const failed = new Map<SQSRecord, boolean>();
  const fail = (message: SQSRecord, retryable: boolean) =>
    failed.set(message, retryable && (failed.get(message) ?? true));
  const byKey = new Map<ObjectKey, { message: SQSRecord; event: ObjectEvent }[]>();

  for (const message of Records) {
    const events = read(message, ports);
    if (events === undefined) fail(message, false);
    for (const event of events ?? []) {
      byKey.set(event.key, [...(byKey.get(event.key) ?? []), { message, event }]);
    }
  }
  await inParallel(byKey, options.keysAtOnce, async ([key, items]) => {
    try {
      if (ports.remainingMs() < options.reserveMs) throw outOfTime(key);
      await handle(
        key,
        items.map(({ event }) => event),
      );
    } catch (error) {
      const retryable = !(error instanceof SyncError) || error.retryable;
      const fields = error instanceof SyncError ? { op: error.op, code: error.code, hint: error.hint } : {};
      log.error('event failed', { key, messageIds: idsOf(items), retryable, ...fields, error });
      for (const { message } of items) fail(message, retryable);
    }
  });
  for (const [message, retryable] of failed) await releaseMessage(message, retryable, ports);
  return { batchItemFailures: [...failed.keys()].map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** The message's events, all of the hub and of users' keys; `undefined`, logged, when it cannot be used. */
function read(message: SQSRecord, { log, bucket }: BatchPorts): ObjectEvent[] | undefined {
  try {
    const events = parseS3Event(message.body);
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

/** Without it the message waits for its visibility timeout: later, but as safe. */
async function releaseMessage(message: SQSRecord, retryable: boolean, { log, release }: BatchPorts) {
  try {
    await release(message, retryable);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    log.warn('message waits for its visibility timeout', { messageId: message.messageId, error });
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

function outOfTime(key: ObjectKey): SyncError {
  return new SyncError(`${key} was not begun: the function is about to end`, {
    op: 'batch',
    key,
    retryable: true,
    code: 'OutOfTime',
  });
}

function idsOf(items: readonly { message: SQSRecord }[]): string {
  return [...new Set(items.map(({ message }) => message.messageId))].join(',');
}
