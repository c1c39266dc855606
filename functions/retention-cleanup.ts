/**
 * Removes from the hub what the retention rules let go, and records what and why.
 *
 * Trigger: EventBridge Scheduler, or by hand, with `{"dryRun": true}` to see what the next run would remove.
 * Idempotent: what is gone is not removed again.
 * Steps: the store's clock -> ledger entries -> rules -> record the intent -> HEAD, tags -> delete with If-Match ->
 * record the outcome. The ledger learns of it from the event, as of every other delete. A run whose time is over, and a
 * rule that has reached its cap, go on in the next run where they were; of two runs at once the later one's place counts.
 */
import type { Context } from 'aws-lambda';
import { CONTROL, readControl } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Controls, Ledger, ObjectStore } from '#core/ports.ts';
import { decideRetention } from '#core/retention.ts';
import {
  createRuleCaps,
  firstPosition,
  nextPositions,
  type Positions,
  rulesFor,
} from '#core/retention-caps.ts';
import { type RetentionResult, type RetentionState, retentionState } from '#core/retention-state.ts';
import type { RetentionRule } from '#core/settings/retention-rule.ts';
import {
  liveControls,
  liveDestinationNames,
  liveHub,
  liveLedger,
  liveLog,
  liveMetrics,
  liveReports,
} from './live.ts';
import { liveRetention } from './live-retention.ts';
import type { Log } from './log.ts';
import { createRemovalRecord, type RemovalRecord } from './removal-record.ts';
import { type Candidate, type RetentionHub, refuseSkew, removeCandidates } from './retention-candidates.ts';

export interface RetentionPorts {
  ledger: Pick<Ledger, 'entries' | 'get'>;
  hub: RetentionHub;
  reports: Pick<ObjectStore, 'put' | 'head'>;
  controls: Controls;
  log: Log;
  nowMs: () => number;
  remainingMs: () => number;
}

export interface RetentionRun {
  runId: string;
  rules: readonly RetentionRule[];
  destinations: readonly string[];
  /** As if every rule said so. */
  dryRun: boolean;
  /** Candidates that are recorded, then removed, together. */
  batchSize?: number;
}

const RESERVE_MS = 30_000;

export const handler = async (event: unknown, context: Context): Promise<RetentionResult> => {
  const log = liveLog('retention-cleanup', context);
  const metrics = liveMetrics('retention-cleanup');
  const ports: RetentionPorts = {
    ledger: liveLedger(),
    hub: liveHub(),
    reports: liveReports(),
    controls: liveControls(),
    log,
    nowMs: Date.now,
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
  const startedAt = new Date(ports.nowMs()).toISOString();
  const result = await runRetention(ports, {
    runId: `${startedAt}-${context.awsRequestId}`,
    rules: liveRetention(),
    destinations: liveDestinationNames(),
    dryRun: isDryRun(event),
  });
  metrics.add('ObjectsRemoved', result.removed);
  metrics.flush();
  return result;
};

/** What it answers is kept as `runs/retention/<time>.json`, and as the last run. A dry run moves no rule's place. */
export async function runRetention(ports: RetentionPorts, run: RetentionRun): Promise<RetentionResult> {
  const { reports, controls, log, nowMs } = ports;
  const startedMs = nowMs();
  const { value, revision } = await readControl(controls, CONTROL.retention, retentionState);
  const after = value?.after ?? {};
  const record = await createRemovalRecord(reports, run.runId);
  const walked: Walk = { cappedAt: {}, complete: false, failure: undefined };
  let ended: SyncError | undefined;
  try {
    refuseSkew(record.storeTimeMs - nowMs());
    await walk(ports, run, record, after, walked);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    ended = error;
  }
  const { stoppedAt, complete, cappedAt } = walked;
  const failure = ended ?? walked.failure;
  const result: RetentionResult = {
    runId: run.runId,
    record: record.key,
    startedMs,
    endedMs: nowMs(),
    removed: record.count('removed'),
    removedBytes: record.bytes('removed'),
    wouldRemove: record.count('would remove'),
    kept: record.count('kept'),
    dryRun: run.dryRun,
    capped: Object.keys(cappedAt),
    complete,
    ...(stoppedAt === undefined || complete ? {} : { stoppedAt }),
    ...(failure === undefined ? {} : { error: failure.message }),
  };
  const key = objectKey(`${REPORT_PREFIX.runs}retention/${new Date(startedMs).toISOString()}.json`);
  const contentType = 'application/json';
  await reports.put(key, Buffer.from(`${JSON.stringify(result)}\n`), { metadata: {}, contentType });
  if (!run.dryRun) {
    // After an early end every rule begins where it did: what was removed is not there to be removed again.
    const next = ended === undefined ? nextPositions(run.rules, after, cappedAt, result.stoppedAt) : after;
    const state: RetentionState = { after: next, last: result };
    if ((await controls.put(CONTROL.retention, state, revision)) === 'conflict') {
      log.warn('another retention run ended meanwhile: the next one goes on where that one was');
    }
  }
  log.info('retention run ended', { ...result });
  if (failure !== undefined) throw failure;
  return result;
}

interface Walk {
  /** By the name of a rule: the last key before its cap. */
  cappedAt: Record<string, string>;
  /** Whether it came to the end of the ledger. */
  complete: boolean;
  /** The last key that was looked at. */
  stoppedAt?: string;
  /** The first of single keys, which hold up no others. */
  failure: SyncError | undefined;
}

async function walk(
  ports: RetentionPorts,
  run: RetentionRun,
  record: RemovalRecord,
  after: Positions,
  walked: Walk,
): Promise<void> {
  const { ledger, log, remainingMs } = ports;
  const { rules, destinations, dryRun, batchSize = 100 } = run;
  const caps = createRuleCaps();
  let batch: Candidate[] = [];
  const settle = async () => {
    const failures = await removeCandidates({ ...ports, destinations }, record, caps, batch, dryRun);
    walked.failure ??= failures[0];
    batch = [];
  };
  const start = firstPosition(rules, after);
  for await (const entry of ledger.entries(start === undefined ? {} : { after: objectKey(start) })) {
    const { key } = entry;
    if (remainingMs() < RESERVE_MS || rules.every(({ name }) => name in walked.cappedAt)) {
      await settle();
      return;
    }
    const decision = decideRetention(rulesFor(key, rules, after), entry, record.storeTimeMs, destinations);
    if (decision.remove === undefined) {
      log.debug('retention: kept', { key, reason: decision.keep });
    } else {
      // What HEAD saves gives its place back, so a full batch is settled before a cap is believed.
      if (decision.remove.some(({ rule }) => caps.isFull(rule)) && batch.length > 0) await settle();
      const open = decision.remove.filter(({ rule }) => !caps.isFull(rule));
      for (const { rule } of decision.remove) {
        if (caps.isFull(rule) && walked.stoppedAt !== undefined)
          walked.cappedAt[rule.name] ??= walked.stoppedAt;
      }
      const [first] = open;
      if (first !== undefined) {
        caps.reserve(first.rule);
        batch.push({ entry, rules: open });
      }
    }
    if (batch.length >= batchSize) await settle();
    walked.stoppedAt = key;
  }
  await settle();
  walked.complete = true;
}

function isDryRun(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'dryRun' in event && event.dryRun === true;
}
