/**
 * Mirrors the hub to one destination.
 *
 * Trigger: the destination's queue, in batches. Idempotent: every event of a key asks only to look at it once.
 * Steps: parse -> per key: HEAD both sides -> plan -> copy or delete -> HEAD again -> note it in the ledger.
 */
import type { SQSHandler } from 'aws-lambda';
import { mirrorObject } from '#adapters/mirror-object.ts';
import { liveBatch, liveMirror } from './live.ts';
import { processBatch } from './sqs-batch.ts';

/** A copy that begins has at least that long; the queue gives the others a new invocation. */
const RESERVE_MS = 60_000;

export const handler: SQSHandler = async (event, context) => {
  const batch = liveBatch('mirror', context);
  const { ports, settings } = await liveMirror();
  return processBatch(event, batch, { keysAtOnce: 10, reserveMs: RESERVE_MS }, async (key, events) => {
    const outcome = await mirrorObject(ports, settings, key);
    batch.log.info(`mirror: ${outcome.did}`, {
      key,
      destination: settings.name,
      events: events.map(({ name }) => name).join(','),
      reason: outcome.reason,
      sizeBytes: outcome.sizeBytes,
    });
  });
};
