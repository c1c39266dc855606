/**
 * Tells the file manager what changed.
 *
 * Trigger: the delivery queue (FIFO; a group a key, the old key's for renames), in batches. Idempotent: a message names a
 * key, and what is told follows from the ledger's row, the object, and the record of what the file manager has confirmed.
 * Steps: per group, in order: parse -> rename where it saves sending -> the key itself (deliver-key.ts, deliver-rename.ts).
 * When a message fails, those after it in its group are handed back with it, so that their order stays. While the file
 * manager is down nothing is given up (sent-anew.ts), and nothing is asked of the hub or the ledger.
 */
import type { SQSBatchResponse, SQSEvent, SQSHandler, SQSRecord } from 'aws-lambda';
import { parseDeliveryMessage } from '#core/delivery-message.ts';
import { SyncError } from '#core/errors.ts';
import { BREAKER_OPEN, breakerOpen, type DeliverPorts, deliverKey } from './deliver-key.ts';
import { deliverRename } from './deliver-rename.ts';
import { liveBatch, liveMetrics } from './live.ts';
import { liveDeliver } from './live-deliver.ts';
import type { Metrics } from './metrics.ts';
import { sendWornOutAnew } from './sent-anew.ts';
import { answerBatch, type Failed, type LanePorts, runLanes } from './sqs-lanes.ts';

/** A save that begins has at least that long; it cannot be continued by another invocation. */
const RESERVE_MS = 60_000;

export const handler: SQSHandler = async (event, context) => {
  const { keysAtOnce, ...ports } = liveDeliver();
  const metrics = liveMetrics('deliver');
  return liveBatch('deliver', context, (batch) =>
    deliverBatch(event, batch, { ...ports, log: batch.log }, { keysAtOnce, metrics }),
  );
};

export async function deliverBatch(
  { Records }: SQSEvent,
  lanePorts: LanePorts,
  ports: DeliverPorts,
  { keysAtOnce, metrics }: { keysAtOnce: number; metrics: Metrics },
): Promise<SQSBatchResponse> {
  const failed: Failed = new Map();
  const groups = new Map<string, SQSRecord[]>();
  for (const message of Records) {
    const group = message.attributes.MessageGroupId ?? message.messageId;
    groups.set(group, [...(groups.get(group) ?? []), message]);
  }
  const lanes = [...groups].map(([group, messages]) => ({
    key: group,
    steps: messages.map((message) => ({
      messages: [message],
      run: () => deliver(ports, message.body, metrics),
    })),
  }));
  const outage = () => ports.breaker.isOpen(ports.nowMs());
  await runLanes(lanes, failed, lanePorts, { lanesAtOnce: keysAtOnce, reserveMs: RESERVE_MS, outage });
  await sendWornOutAnew(failed, ports);
  metrics.flush();
  return answerBatch(failed, lanePorts);
}

async function deliver(ports: DeliverPorts, body: string, metrics: Metrics): Promise<void> {
  try {
    const request = parseDeliveryMessage(body);
    const { key, renamedFrom } = request;
    if (ports.breaker.isOpen(ports.nowMs())) throw breakerOpen(key);
    const renamed = renamedFrom !== undefined && (await deliverRename(ports, { ...request, renamedFrom }));
    const told = await deliverKey(ports, renamedFrom ?? key);
    if (renamed || told) metrics.add('Deliveries', 1);
  } catch (error) {
    if (!isRefusal(error)) metrics.add('DeliveriesFailed', 1);
    // Also of the call that opens it: where there is but one message, none is ever refused.
    if (ports.breaker.isOpen(ports.nowMs())) metrics.add('BreakerOpen', 1);
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof SyncError && error.code === BREAKER_OPEN;
}
