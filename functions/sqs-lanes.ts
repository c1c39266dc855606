/** The messages of a batch in lanes: side by side, each in order, failures told one by one and given back to the queue. */
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import { graverSetback, type Setback } from '#core/redelivery.ts';
import type { Log } from './log.ts';

export interface LanePorts {
  log: Log;
  /** Milliseconds until Lambda ends the function. */
  remainingMs: () => number;
  /** Makes failed messages visible again after a delay, instead of after the visibility timeout. */
  release: (message: SQSRecord, setback: Setback) => Promise<void>;
}

export interface LaneOptions {
  lanesAtOnce: number;
  /** No step is begun with less time left than that. */
  reserveMs: number;
  /** Whether what fails now fails because whom it is for is down; absent: each failure is the message's own. */
  outage?: () => boolean;
}

/** Work that was asked for by these messages; they come again when it throws. */
export interface Step {
  messages: readonly SQSRecord[];
  run: () => Promise<void>;
}

export interface Lane {
  /** For the log. */
  key: string;
  /** After one that fails none is begun, and their messages fail as well. */
  steps: readonly Step[];
}

/** Messages that are not done, and why. */
export type Failed = Map<SQSRecord, Setback>;

export async function runLanes(
  lanes: readonly Lane[],
  failed: Failed,
  { log, remainingMs }: Pick<LanePorts, 'log' | 'remainingMs'>,
  { lanesAtOnce, reserveMs, outage = () => false }: LaneOptions,
): Promise<void> {
  await inParallel(lanes, lanesAtOnce, async ({ key, steps }) => {
    for (const [index, { messages, run }] of steps.entries()) {
      try {
        if (remainingMs() < reserveMs) throw outOfTime(key);
        await run();
      } catch (error) {
        const setback = outage() ? 'outage' : 'failed';
        failMessages(messages, error, failed, log, key, setback);
        const after = steps.slice(index + 1).flatMap((step) => step.messages);
        for (const message of after) fail(failed, message, setback);
        if (after.length > 0)
          log.warn('messages held back behind one that failed', { key, count: after.length });
        return;
      }
    }
  });
}

/** Notes and logs the failure of these messages; `again` is why they come again, if trying again can help. */
export function failMessages(
  messages: readonly SQSRecord[],
  error: unknown,
  failed: Failed,
  log: Log,
  key: string,
  again: Exclude<Setback, 'hopeless'> = 'failed',
): void {
  const retryable = !(error instanceof SyncError) || error.retryable;
  const fields = error instanceof SyncError ? { op: error.op, code: error.code, hint: error.hint } : {};
  const messageIds = [...new Set(messages.map(({ messageId }) => messageId))].join(',');
  log.error('event failed', { key, messageIds, retryable, ...fields, error });
  for (const message of messages) fail(failed, message, retryable ? again : 'hopeless');
}

/**
 * The answer for `ReportBatchItemFailures`, once the failed messages are given back.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function answerBatch(
  failed: Failed,
  { log, release }: Pick<LanePorts, 'log' | 'release'>,
): Promise<SQSBatchResponse> {
  for (const [message, setback] of failed) {
    try {
      await release(message, setback);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      // Later, but as safe.
      log.warn('message waits for its visibility timeout', { messageId: message.messageId, error });
    }
  }
  return { batchItemFailures: [...failed.keys()].map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function fail(failed: Failed, message: SQSRecord, setback: Setback): void {
  failed.set(message, graverSetback(setback, failed.get(message) ?? setback));
}

function outOfTime(key: string): SyncError {
  return new SyncError(`${key} was not begun: the function is about to end`, {
    op: 'batch',
    key,
    retryable: true,
    code: 'OutOfTime',
  });
}
