/**
 * Mirrors the hub to one destination.
 *
 * Trigger: the destination's queue, in batches: events of the hub, looks that reconcile asks for, and looks of its own
 * at copies that did not end in time. Idempotent: every event of a key asks only to look at it once.
 * Steps: parse -> per key: copy the state that the event names, or HEAD both sides -> plan -> copy or delete; then HEAD
 * of the source -> note it in the ledger. What each request proves is said in adapters/mirror-object.ts.
 */
import type { SQSBatchResponse, SQSEvent, SQSHandler } from 'aws-lambda';
import { seenIn } from '#adapters/copy-seen.ts';
import {
  type MirrorHints,
  type MirrorOutcome,
  type MirrorPorts,
  type MirrorSettings,
  mirrorObject,
} from '#adapters/mirror-object.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { liveBatch, liveMetrics } from './live.ts';
import { liveMirror } from './live-mirror.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { type BatchPorts, processBatch } from './sqs-batch.ts';

/** A copy that begins has at least that long: for its first parts, and then for handing on the rest. */
const RESERVE_MS = 120_000;

export const handler: SQSHandler = async (event, context) => {
  const { ports, settings } = liveMirror();
  const metrics = liveMetrics('mirror', settings.name);
  return liveBatch('mirror', context, (batch) => mirrorBatch(event, batch, { ports, settings, metrics }));
};

export async function mirrorBatch(
  event: SQSEvent,
  batch: BatchPorts,
  lasting: { ports: Omit<MirrorPorts, 'remainingMs'>; settings: MirrorSettings; metrics: Metrics },
): Promise<SQSBatchResponse> {
  const { settings, metrics } = lasting;
  const ports = { ...lasting.ports, remainingMs: batch.remainingMs };
  try {
    return await processBatch(
      event,
      batch,
      { keysAtOnce: 10, reserveMs: RESERVE_MS },
      async (key, events) => {
        const outcome = await mirrorObject(ports, settings, key, hintsOf(events));
        count(outcome, metrics);
        tell(outcome, batch.log, {
          key,
          destination: settings.name,
          events: events.map(({ name }) => name).join(','),
        });
      },
    );
  } finally {
    metrics.flush();
  }
}

/** What the events of a key say beyond that it is worth a look. */
export function hintsOf(events: readonly ObjectEvent[]): MirrorHints {
  const seen = seenIn(events);
  return {
    ...(seen === undefined ? {} : { seen }),
    tagging: events.some(({ name }) => name.startsWith('ObjectTagging')),
    look: events.some(({ kind }) => kind === 'look'),
    approved: events.some(({ approvedBy }) => approvedBy !== undefined),
  };
}

function count({ did, sizeBytes, lagMs }: MirrorOutcome, metrics: Metrics): void {
  if (did === 'copied') {
    metrics.add('ObjectsMirrored', 1);
    metrics.add('MirroredBytes', sizeBytes);
    if (lagMs !== undefined) metrics.add('MirrorLagMs', lagMs);
  }
  if (did === 'deleted') metrics.add('DeletesMirrored', 1);
  if (did === 'held') metrics.add('DeletesHeld', 1);
  if (did === 'continued') metrics.add('CopiesContinued', 1);
}

function tell(
  { did, reason, sizeBytes, lagMs }: MirrorOutcome,
  log: Log,
  fields: Record<string, string>,
): void {
  const all = { ...fields, reason, sizeBytes, lagMs };
  if (did === 'held') log.warn('mirror: delete held', all);
  else log.info(`mirror: ${did}`, all);
}
