/** The topic of the hub's events, for events that do not come from S3 itself. */
import { setTimeout as delay } from 'node:timers/promises';
import { type BatchResultErrorEntry, PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { SyncError } from '#core/errors.ts';
import type { EventTopic } from '#core/ports.ts';
import { nextDelayMs } from '#core/retry.ts';

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html: of one request, all its messages together */
const MAX_ENTRIES = 10;
const MAX_BYTES = 262_144;
const RETRY = { attempts: 4, baseDelayMs: 100, maxDelayMs: 2_000 };

export function createSnsTopic({ topicArn }: { topicArn: string }): EventTopic {
  const client = new SNSClient();
  return {
    async publish(messages) {
      for (const batch of batches(messages)) await publishAll(client, topicArn, batch);
    },
  };
}

/** In the order of the messages; each within the limits, as long as every message is. */
export function batches(messages: readonly string[]): string[][] {
  const found: string[][] = [];
  let roomBytes = 0;
  for (const message of messages) {
    const sizeBytes = Buffer.byteLength(message);
    const last = found.at(-1);
    if (last === undefined || last.length === MAX_ENTRIES || sizeBytes > roomBytes) {
      found.push([message]);
      roomBytes = MAX_BYTES - sizeBytes;
    } else {
      last.push(message);
      roomBytes -= sizeBytes;
    }
  }
  return found;
}

/** A batch can fail for some of its entries and still be answered with 200. */
async function publishAll(client: SNSClient, topicArn: string, batch: readonly string[]): Promise<void> {
  let left = [...batch];
  for (let failures = 1; ; failures++) {
    const failed = await publish(client, topicArn, left);
    if (failed.length === 0) return;
    const delayMs = failed.some(({ SenderFault }) => SenderFault === true)
      ? undefined
      : nextDelayMs(RETRY, failures, Math.random());
    if (delayMs === undefined) throw entryFailure(topicArn, failed);
    const ids = new Set(failed.map(({ Id }) => Id));
    left = left.filter((_, index) => ids.has(String(index)));
    await delay(delayMs);
  }
}

async function publish(
  client: SNSClient,
  TopicArn: string,
  messages: readonly string[],
): Promise<BatchResultErrorEntry[]> {
  const PublishBatchRequestEntries = messages.map((Message, index) => ({ Id: String(index), Message }));
  try {
    const { Failed = [] } = await client.send(
      new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }),
    );
    return Failed;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw failure(TopicArn, error.name, error.message, error);
  }
}

function entryFailure(topicArn: string, [first]: readonly BatchResultErrorEntry[]): SyncError {
  return failure(topicArn, first?.Code ?? 'Failed', first?.Message ?? 'not published');
}

function failure(topicArn: string, code: string, message: string, cause?: unknown): SyncError {
  return new SyncError(`PublishBatch ${topicArn}: ${code}: ${message}`, {
    op: 'PublishBatch',
    key: topicArn,
    retryable: true,
    code,
    cause,
  });
}
