/**
 * One full comparison of a bucket with one destination: both sides checked, both listings and the ledger joined in one
 * pass, what differs looked at; deletes are counted first and carried out together, or held.
 */
import type { BucketTasks } from '#adapters/host/bucket-tasks.ts';
import type { HostLedger } from '#adapters/host/ledger-sqlite.ts';
import { CONTROL, changeControl, type ReconcileResult, reconcileState } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectStore } from '#core/ports.ts';
import { compareCopies, joinByKey, withoutPrefix } from '#core/reconcile-plan.ts';
import { createCopies } from './bucket-copies.ts';
import type { Lane, LaneContext } from './bucket-lane.ts';
import { laneName } from './bucket-view.ts';

export interface CompareContext extends LaneContext {
  lane: Lane;
  ledger: HostLedger;
  /** Deletes that the comparison in work has found. */
  plan: BucketTasks;
}

/** A key that no destination has is remembered that long, for events that come late. */
const FORGET_AFTER_MS = 86_400_000;

/**
 * Answers `undefined` when the agent stops before the end: nothing is concluded then.
 *
 * @throws SyncError when a side cannot be listed: nothing is concluded, and no delete is carried out
 */
export async function compareBucket(
  context: CompareContext,
  runId: string,
): Promise<ReconcileResult | undefined> {
  const { bucket, destination, ports, ledger, lane, plan, tasks, nowMs, stopping } = context;
  const startedMs = nowMs();
  const seen = { objects: 0, bytes: 0, known: 0, copies: 0 };
  await checkSides(context);
  plan.clear('planned');
  // What was given up gets its tries again.
  tasks.retryNow();
  const copies = createCopies(context, lane);
  const sightings = joinByKey({
    hub: ports.hub.list(bucket.prefix, { ahead: true }),
    destination: withoutPrefix(
      ports.destination.list(destination.prefix + bucket.prefix, { ahead: true }),
      destination.prefix,
    ),
    entries: ledger.entries(),
  });
  for await (const sighting of sightings) {
    if (stopping.aborted) return undefined;
    const { key, hub } = sighting;
    if (hub !== undefined) {
      seen.objects++;
      seen.bytes += hub.sizeBytes;
    }
    if (sighting.destination !== undefined) seen.known++;
    const { name, deletes } = destination;
    const difference = compareCopies(sighting, { name, deletes, ledger: false });
    if (hub === undefined && sighting.destination === undefined) {
      await settleGone(context, sighting.entry);
    } else if (difference.do === 'delete') {
      plan.put({ key, state: 'planned', attempts: 0, nextAttemptMs: 0, reason: difference.reason });
    }
    if (difference.do === 'copy') seen.copies++;
    await copies.passed(sighting, difference.do === 'copy');
  }
  await copies.end();
  if (stopping.aborted) return undefined;
  const deletes = plan.counts().planned;
  const held = await judgeDeletes(context, startedMs, deletes, seen.known);
  await lane.idle();
  if (stopping.aborted) return undefined;
  const result: ReconcileResult = {
    ...seen,
    runId,
    startedMs,
    endedMs: nowMs(),
    differences: seen.copies + deletes,
    deletes,
    records: 0,
    deliveries: 0,
    held,
    dryRun: false,
  };
  await changeControl(ports.controls, CONTROL.reconcile(destination.name), reconcileState, () => ({
    write: { last: result },
    answer: undefined,
  }));
  return result;
}

/** Neither side has the key: what the ledger says of it is corrected, and in the end forgotten. */
async function settleGone(
  { destination, lane, ledger, nowMs }: CompareContext,
  entry: LedgerEntry | undefined,
): Promise<void> {
  if (entry === undefined) return;
  const records = Object.values(entry.mirrors);
  if ((entry.mirrors[destination.name]?.sourceEtag ?? '') !== '') await lane.offer(entry.key, { look: true });
  else if (records.every(({ sourceEtag, atMs }) => sourceEtag === '' && atMs < nowMs() - FORGET_AFTER_MS)) {
    ledger.forget(entry.key);
  }
}

/** Carries out the deletes that were held, whatever the guard says; answers how many they are. */
export async function releaseHeld(context: CompareContext): Promise<number> {
  const { lane, held } = context;
  const count = await offerAll(context, held, 'held', (key) => settle(context, key));
  await lane.idle();
  return count;
}

/** It is on its way, whoever has asked for it. */
function settle({ held, plan }: CompareContext, key: ObjectKey): void {
  held.remove(key);
  plan.remove(key);
}

/** Neither side is ever taken for empty because it is not there. */
async function checkSides({ bucket, destination, ports, log }: LaneContext): Promise<void> {
  await requireBucket(ports.hub, `the source of ${bucket.name}`);
  if (await ports.destination.bucketExists()) return;
  if (!destination.createBucket) {
    throw missing(
      ports.destination,
      `destination ${destination.name} of ${bucket.name}`,
      'Create it, or set createBucket: true.',
    );
  }
  await ports.destination.createBucket();
  log.info('bucket made', { key: destination.bucket, bucket: laneName(bucket.name, destination.name) });
}

async function requireBucket(store: ObjectStore, what: string): Promise<void> {
  if (await store.bucketExists()) return;
  throw missing(store, what, 'Correct its name or endpoint in the settings; nothing was deleted anywhere.');
}

function missing({ bucket }: ObjectStore, what: string, hint: string): SyncError {
  return new SyncError(`${what}: NoSuchBucket: the bucket ${bucket} does not exist`, {
    op: 'HeadBucket',
    retryable: true,
    code: 'NoSuchBucket',
    hint,
  });
}

/** All of them, or none; answers how many are held. What events had held since it began, it may have passed. */
async function judgeDeletes(
  context: CompareContext,
  startedMs: number,
  deletes: number,
  known: number,
): Promise<number> {
  const { bucket, destination, ports, held, plan, log, metrics } = context;
  held.clear('held', startedMs);
  if (deletes === 0) return 0;
  const permit = await ports.guard.ask(deletes, known);
  if (permit.allowed) {
    await offerAll(context, plan, 'planned', (key) => settle(context, key));
    return 0;
  }
  for (let after: ObjectKey | undefined; ; ) {
    const page = plan.inState('planned', after);
    for (const task of page)
      held.put({ ...task, state: 'held', nextAttemptMs: startedMs, reason: permit.reason });
    after = page.at(-1)?.key;
    if (after === undefined) break;
  }
  plan.clear('planned');
  const name = laneName(bucket.name, destination.name);
  metrics.done(name, 'skipped');
  log.warn(`held: ${deletes} deletes wait for approval: ${permit.reason}`, {
    bucket: name,
    hint: `If they are meant: sluice-agent approve-deletes --bucket ${bucket.name}`,
  });
  return deletes;
}

async function offerAll(
  { lane, stopping }: CompareContext,
  from: BucketTasks,
  state: 'planned' | 'held',
  taken: (key: ObjectKey) => void,
): Promise<number> {
  let count = 0;
  for (;;) {
    const page = from.inState(state);
    for (const { key } of page) {
      if (stopping.aborted) return count;
      taken(key);
      count++;
      await lane.offer(key, { look: true, approved: true });
    }
    if (page.length === 0) return count;
  }
}
