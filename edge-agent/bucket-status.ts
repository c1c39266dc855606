/**
 * `status` of the mirrored buckets: from the ledger, so that it can be asked when the agent does not run; what
 * only the running agent knows is added when it answers.
 */
import type { Task } from '#adapters/host/bucket-tasks.ts';
import type { BucketsDb } from '#adapters/host/buckets-db.ts';
import { ago, bytesText, countText } from '#core/amounts.ts';
import { CONTROL, type ReconcileResult, readControl, reconcileState } from '#core/controls.ts';
import type { BucketSettings } from '#core/settings/agent-buckets.ts';
import { laneName, placesOf } from './bucket-view.ts';
import { oneLine } from './log.ts';
import type { BucketReport, StatusReport } from './status-report.ts';

export interface BucketStatus {
  bucket: string;
  destination: string;
  source: string;
  target: string;
  enabled: boolean;
  waiting: number;
  parked: number;
  /** Deletes that wait for approval. */
  held: number;
  /** What failed, the one due first first, then what is parked, then the deletes held; at most 1,000 of each. */
  objects: { key: string; state: string; attempts: number; nextAttempt: string; reason: string }[];
  /** The last comparison that saw both sides whole. */
  lastComparison?: ReconcileResult;
  /** What the running agent says of it. */
  live?: BucketReport;
}

/** Rows of the table per destination, unless all are asked for. */
const FIRST_ROWS = 20;

/** @param db absent when the agent has never run */
export async function bucketStatus(
  bucket: BucketSettings,
  db: BucketsDb | undefined,
  live?: StatusReport,
): Promise<BucketStatus[]> {
  const all: BucketStatus[] = [];
  for (const destination of bucket.destinations) {
    const tasks = db?.tasks(bucket.name, destination.name);
    const held = db?.tasks(bucket.name, `${destination.name}/held`);
    const counts = tasks?.counts();
    const last = db === undefined ? undefined : await lastOf(db, bucket.name, destination.name);
    const running = live?.buckets.find(
      (one) => one.name === bucket.name && one.destination === destination.name,
    );
    const waiting = [...(tasks?.inState('waiting') ?? [])].sort(
      (left, right) => left.nextAttemptMs - right.nextAttemptMs,
    );
    const rows = [...waiting, ...(tasks?.inState('parked') ?? []), ...(held?.inState('held') ?? [])];
    all.push({
      bucket: bucket.name,
      destination: destination.name,
      ...placesOf(bucket, destination),
      enabled: bucket.enabled,
      waiting: counts?.waiting ?? 0,
      parked: counts?.parked ?? 0,
      held: held?.counts().held ?? 0,
      objects: rows.map(objectOf),
      ...(last === undefined ? {} : { lastComparison: last }),
      ...(running === undefined ? {} : { live: running }),
    });
  }
  return all;
}

/** @param options.all every object instead of the first of each destination */
export function bucketTable(
  buckets: readonly BucketStatus[],
  { all = false, nowMs = Date.now() }: { all?: boolean; nowMs?: number } = {},
): string {
  const lines = buckets.flatMap((one) => {
    const shown = all ? one.objects : one.objects.slice(0, FIRST_ROWS);
    const more = one.waiting + one.parked + one.held - shown.length;
    return [
      `${laneName(one.bucket, one.destination)}: ${one.source} -> ${one.target}`,
      `  ${one.live === undefined ? idleText(one) : liveLine(one.live)}`,
      `  ${comparisonText(one.lastComparison, nowMs)}`,
      `  ${countText(one.held)} deletes held, ${countText(one.waiting)} waiting, ${countText(one.parked)} parked`,
      ...shown.map(
        ({ key, state, attempts, nextAttempt, reason }) =>
          `  ${state.padEnd(8)} ${key}${attempts === 0 ? '' : ` tried ${attempts}x`}${nextAttempt === '' ? '' : `, next ${nextAttempt}`}: ${reason}`,
      ),
      ...(more === 0
        ? []
        : [`  … and ${countText(more)} more${all ? '' : ' (--all shows up to 1,000 of each)'}`]),
      ...(one.held === 0
        ? []
        : [`  sluice-agent approve-deletes --bucket ${one.bucket} carries out the deletes`]),
    ];
  });
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

async function lastOf(db: BucketsDb, bucket: string, destination: string) {
  const { value } = await readControl(db.controls(bucket), CONTROL.reconcile(destination), reconcileState);
  return value?.last;
}

function objectOf({ key, state, attempts, nextAttemptMs, reason }: Task): BucketStatus['objects'][number] {
  const nextAttempt = state === 'waiting' ? new Date(nextAttemptMs).toISOString() : '';
  return { key, state, attempts, nextAttempt, reason };
}

function idleText({ enabled }: BucketStatus): string {
  return enabled ? 'the agent does not run' : 'paused (enabled: false)';
}

function comparisonText(last: ReconcileResult | undefined, nowMs: number): string {
  if (last === undefined) return 'not compared yet';
  const { endedMs, startedMs, objects, bytes, copies, deletes } = last;
  return `compared ${ago(endedMs, nowMs)} in ${((endedMs - startedMs) / 1000).toFixed(1)} s: ${countText(objects)} objects, ${bytesText(bytes)}, ${countText(copies)} to copy, ${countText(deletes)} to delete`;
}

function liveLine(live: BucketReport): string {
  return [
    live.reason === '' ? live.state : `${live.state} (${live.reason})`,
    `by ${live.noticed}`,
    `${countText(live.queued)} queued`,
    `${countText(live.done.copied)} copied, ${countText(live.done.deleted)} deleted, ${countText(live.done.failed)} failed since the start`,
    `${bytesText(live.bytesPerSecond)}/s`,
    live.lagSeconds === undefined ? '' : `lag ${live.lagSeconds.toFixed(2)} s`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
