/**
 * Tells the CDN which paths have changed.
 *
 * Trigger: the CDN's queue, a window's messages at a time. Idempotent: a batch that comes again has the same caller
 * reference, which CloudFront takes for the same invalidation.
 * Steps: parse -> keys whose served bytes may have changed -> paths in batches -> invalidate. A message is done when
 * the paths of all its keys were taken; the others come again, with a growing delay.
 */
import type { SQSBatchResponse, SQSEvent, SQSHandler } from 'aws-lambda';
import type { ObjectKey } from '#core/key.ts';
import { type InvalidationPorts, invalidatePaths } from './invalidated-paths.ts';
import { liveBatch, liveMetrics } from './live.ts';
import { liveCdn } from './live-invalidate.ts';
import { type BatchPorts, readBatch } from './sqs-batch.ts';
import { answerBatch, failMessages } from './sqs-lanes.ts';

export const handler: SQSHandler = async (event, context) => {
  const metrics = liveMetrics('invalidate');
  try {
    return await liveBatch('invalidate', context, (batch) =>
      invalidateBatch(event, { ...batch, cdn: liveCdn(), metrics }),
    );
  } finally {
    metrics.flush();
  }
};

export async function invalidateBatch(
  { Records }: SQSEvent,
  ports: BatchPorts & InvalidationPorts,
): Promise<SQSBatchResponse> {
  const { failed, byKey } = readBatch(Records, ports);
  const changes = new Map<ObjectKey, string[]>();
  for (const [key, items] of byKey) {
    const served = items.filter(({ event }) => event.kind !== 'other');
    if (served.length > 0)
      changes.set(
        key,
        served.map(({ message }) => message.messageId),
      );
  }
  const untold = await invalidatePaths(ports, changes);
  for (const [key, error] of untold) {
    const messages = (byKey.get(key) ?? []).map(({ message }) => message);
    failMessages(messages, error, failed, ports.log, key);
  }
  ports.metrics.add('EventsFailed', failed.size);
  return answerBatch(failed, ports);
}
