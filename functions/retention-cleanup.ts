/**
 * Removes from the hub what the retention rules let go, and records what and why.
 *
 * Trigger: EventBridge Scheduler, or by hand. Idempotent: what is gone is not removed again.
 * Steps: the store's clock -> ledger entries -> rule -> record the intent -> HEAD -> delete with If-Match -> record
 * the outcome. The ledger learns of it from the event, as of every other delete.
 */
import type { Context } from 'aws-lambda';
import { inParallel } from '#adapters/in-parallel.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { confirmRetention, decideRetention } from '#core/retention.ts';
import type { RetentionRule } from '#core/settings/deployment.ts';
import { liveDestinationNames, liveHub, liveLedger, liveLog, liveReports, liveRetention } from './live.ts';
import type { Log } from './log.ts';
import { createRemovalRecord, type Removal, type RemovalRecord } from './removal-record.ts';

export interface RetentionPorts {
  ledger: Pick<Ledger, 'entries'>;
  hub: Pick<ObjectStore, 'head' | 'delete'>;
  reports: Pick<ObjectStore, 'put' | 'head'>;
  log: Log;
  nowMs: () => number;
  remainingMs: () => number;
}

export interface RetentionRun {
  runId: string;
  rules: readonly RetentionRule[];
  destinations: readonly string[];
  /** Candidates that are recorded, then removed, together. */
  batchSize?: number;
}

export interface RetentionAnswer {
  runId: string;
  /** Key of the record in the reports bucket. */
  record: string;
  removed: number;
  wouldRemove: number;
  /** Candidates that HEAD saved. */
  kept: number;
  /** Rules that reached their cap: the next run goes on. */
  capped: string[];
  /** Whether every entry of the ledger was looked at. */
  complete: boolean;
}

/** Beyond it somebody's clock is wrong, and ages mean nothing. */
const MAX_SKEW_MS = 15 * 60_000;
const RESERVE_MS = 30_000;
const REMOVALS_AT_ONCE = 8;

export const handler = async (_event: unknown, context: Context): Promise<RetentionAnswer> => {
  const log = liveLog('retention-cleanup', context);
  const ports: RetentionPorts = {
    ledger: liveLedger(),
    hub: liveHub(),
    reports: liveReports(),
    log,
    nowMs: Date.now,
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
  const startedAt = new Date(ports.nowMs()).toISOString();
  const answer = await runRetention(ports, {
    runId: `${startedAt}-${context.awsRequestId}`,
    rules: liveRetention(),
    destinations: liveDestinationNames(),
  });
  log.info('retention run ended', { ...answer });
  return answer;
};

export async function runRetention(ports: RetentionPorts, run: RetentionRun): Promise<RetentionAnswer> {
  const { ledger, reports, log, nowMs, remainingMs } = ports;
  const record = await createRemovalRecord(reports, run.runId);
  const skewMs = Math.abs(record.storeTimeMs - nowMs());
  if (skewMs > MAX_SKEW_MS) {
    throw new Error(`nothing removed: this clock and the store's differ by ${Math.round(skewMs / 1000)} s`);
  }
  const { batchSize = 100 } = run;
  const used = new Map<RetentionRule, number>();
  const capped = new Set<string>();
  let batch: Candidate[] = [];
  let complete = true;

  for await (const entry of ledger.entries()) {
    if (remainingMs() < RESERVE_MS) {
      complete = false;
      break;
    }
    const decision = decideRetention(run.rules, entry, record.storeTimeMs, run.destinations);
    if ('keep' in decision) {
      log.debug('retention: kept', { key: entry.key, reason: decision.keep });
      continue;
    }
    const { remove: rule, reason } = decision;
    const planned = batch.filter((candidate) => candidate.rule === rule).length;
    if ((used.get(rule) ?? 0) + planned >= rule.maxRemovals) {
      // What HEAD saves gives its place back, so a full batch is settled before the cap is believed.
      if (planned > 0) batch = await settle(ports, record, batch, used);
      if ((used.get(rule) ?? 0) >= rule.maxRemovals) {
        capped.add(rule.name);
        continue;
      }
    }
    batch.push({ entry, rule, reason });
    if (batch.length >= batchSize) batch = await settle(ports, record, batch, used);
  }
  await settle(ports, record, batch, used);
  const count = (outcome: Removal['outcome']) => record.count(outcome);
  return {
    runId: run.runId,
    record: record.key,
    removed: count('removed'),
    wouldRemove: count('would remove'),
    kept: count('kept'),
    capped: [...capped],
    complete,
  };
}

interface Candidate {
  entry: LedgerEntry;
  rule: RetentionRule;
  reason: string;
}

/** Records the intent, removes what HEAD confirms, records the outcome; answers the empty batch that follows. */
async function settle(
  ports: RetentionPorts,
  record: RemovalRecord,
  batch: readonly Candidate[],
  used: Map<RetentionRule, number>,
): Promise<[]> {
  if (batch.length === 0) return [];
  const removals = batch.map(({ entry, rule, reason }): Removal => {
    const { key, etag, versionId, sizeBytes } = entry;
    return { key, etag, versionId, sizeBytes, rule: rule.name, reason, outcome: 'intended' };
  });
  await record.add(removals);
  const pairs = batch.map((candidate, index) => ({ candidate, removal: removals[index] }));
  try {
    await inParallel(pairs, REMOVALS_AT_ONCE, async ({ candidate, removal }) => {
      if (removal === undefined) return;
      Object.assign(removal, await removeOne(ports, candidate, record.storeTimeMs));
      if (removal.outcome === 'kept') {
        ports.log.warn('retention: kept', { key: removal.key, rule: removal.rule, reason: removal.reason });
      } else {
        used.set(candidate.rule, (used.get(candidate.rule) ?? 0) + 1);
        ports.log.info(`retention: ${removal.outcome}`, { key: removal.key, reason: removal.reason });
      }
    });
  } finally {
    await record.save();
  }
  return [];
}

async function removeOne(
  { hub }: RetentionPorts,
  { entry, rule }: Candidate,
  storeTimeMs: number,
): Promise<Pick<Removal, 'outcome'> & Partial<Removal>> {
  const objection = confirmRetention(rule, entry, await hub.head(entry.key), storeTimeMs);
  if (objection !== undefined) return { outcome: 'kept', reason: objection };
  if (rule.dryRun) return { outcome: 'would remove' };
  const answer = await hub.delete(entry.key, { ifMatch: entry.etag });
  return answer === 'deleted' ? { outcome: 'removed' } : { outcome: 'kept', reason: 'it changed just now' };
}
