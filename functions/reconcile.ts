/**
 * Finds what events did not tell: compares the hub with one destination (or, without one, with the ledger), and asks for
 * a look at each key that differs.
 *
 * Trigger: a queue of its own, one message at a time: from the schedule, from `ops reconcile` and `ops approve`, and
 * from itself when a run does not end in time. Idempotent: a look at a key that is right does nothing, and of two
 * messages for one part of a run the second finds it done.
 * Steps: is a run going on? -> both buckets there? -> both listings and the ledger in one merge -> looks to the queue,
 * deletes to a list -> at the end the guard -> the deletes to the queue, or held for a person -> the result.
 */
import type { SQSBatchResponse, SQSEvent, SQSHandler } from 'aws-lambda';
import { type ReconcileAnswer, type ReconcilePorts, reconcile } from '#adapters/reconcile.ts';
import type { SegmentSettings } from '#adapters/reconcile-segment.ts';
import { parseReconcile } from '#core/reconcile-message.ts';
import { liveBatch, liveMetrics } from './live.ts';
import { liveReconcile } from './live-mirror.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { answerBatch, type Failed, type LanePorts, runLanes } from './sqs-lanes.ts';

const RESERVE_MS = 120_000;

export const handler: SQSHandler = async (event, context) => {
  const { ports, settings } = liveReconcile();
  const metrics = liveMetrics('reconcile', settings.name);
  return liveBatch('reconcile', context, (work) => reconcileBatch(event, work, { ports, settings, metrics }));
};

export async function reconcileBatch(
  { Records }: SQSEvent,
  work: LanePorts,
  lasting: { ports: Omit<ReconcilePorts, 'remainingMs'>; settings: SegmentSettings; metrics: Metrics },
): Promise<SQSBatchResponse> {
  const { settings, metrics } = lasting;
  const ports = { ...lasting.ports, remainingMs: work.remainingMs };
  const failed: Failed = new Map();
  const steps = Records.map((message) => ({
    messages: [message],
    run: async () => {
      const runId = `${new Date(ports.nowMs()).toISOString()}-${message.messageId.slice(0, 8)}`;
      const answer = await reconcile(ports, settings, parseReconcile(message.body), runId);
      count(answer, metrics);
      tell(answer, work.log, settings.name);
    },
  }));
  try {
    await runLanes([{ key: settings.name, steps }], failed, work, { lanesAtOnce: 1, reserveMs: RESERVE_MS });
    return await answerBatch(failed, work);
  } finally {
    metrics.flush();
  }
}

function count(answer: ReconcileAnswer, metrics: Metrics): void {
  if (answer.did !== 'ended' || answer.result.dryRun) return;
  metrics.add('Differences', answer.result.differences);
  if (answer.result.held > 0) metrics.add('DeletesHeld', answer.result.held);
}

function tell(answer: ReconcileAnswer, log: Log, name: string): void {
  const { did, ...fields } = answer;
  const held = answer.did === 'ended' && !answer.result.dryRun && answer.result.held > 0;
  if (held) log.warn('reconcile: ended, deletes held', { name, ...fields });
  else log.info(`reconcile: ${did}`, { name, ...fields });
}
