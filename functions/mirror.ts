/**
 * Mirrors the hub to one destination.
 *
 * Trigger: the destination's queue, in batches: events of the hub, looks that reconcile asks for, and looks of its own
 * at copies that did not end in time. Idempotent: every event of a key asks only to look at it once.
 * Steps: parse -> per key: HEAD both sides -> plan -> copy or delete -> HEAD again -> note it in the ledger.
 */
import type { SQSHandler } from 'aws-lambda';
import { type MirrorHints, type MirrorOutcome, mirrorObject } from '#adapters/mirror-object.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import { liveBatch, liveMetrics } from './live.ts';
import { liveMirror } from './live-mirror.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { processBatch } from './sqs-batch.ts';

/** A copy that begins has at least that long: for its first parts, and then for handing on the rest. */
const RESERVE_MS = 120_000;

export const handler: SQSHandler = async (event, context) => {
  const batch = liveBatch('mirror', context);
  const { ports: lasting, settings } = liveMirror();
  const metrics = liveMetrics('mirror', settings.name);
  const ports = { ...lasting, remainingMs: batch.remainingMs };
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
};

/** What the events of a key say beyond that it is worth a look. */
export function hintsOf(events: readonly ObjectEvent[]): MirrorHints {
  return {
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
