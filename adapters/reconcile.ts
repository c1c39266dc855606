/**
 * Reconcile: compares the hub with a destination, or with the ledger, and asks for a look at each key that differs.
 * Deletes wait until all was compared and the guard has seen how many they are. A run that does not end in time goes on
 * with its next message, so that it has no largest size.
 */
import {
  CONTROL,
  changeControl,
  type HeldDeletes,
  heldDeletes,
  heldSince,
  NONE_HELD,
  type ReconcileResult,
  readControl,
} from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Controls } from '#core/ports.ts';
import { NOTHING_SEEN, type ReconcileCounts, type ReconcileMessage } from '#core/reconcile-message.ts';
import type { DeleteGuard } from './delete-permit.ts';
import { type ReconcileLease, reconcileLease } from './reconcile-lease.ts';
import { compareSegment, type SegmentPorts, type SegmentSettings } from './reconcile-segment.ts';
import { releaseDeletes } from './release-deletes.ts';

export interface ReconcilePorts extends SegmentPorts {
  controls: Controls;
  /** Of the destination, with one. */
  guard?: DeleteGuard;
  /** Comes back here. */
  next: (message: ReconcileMessage) => Promise<void>;
  nowMs: () => number;
}

export type ReconcileAnswer =
  | { did: 'ended'; result: ReconcileResult }
  | { did: 'continued'; runId: string; segment: number; counts: ReconcileCounts }
  | { did: 'released'; runId: string; sent: number; complete: boolean }
  | { did: 'nothing'; reason: string };

/** How long the message of the next segment may wait in its queue before the run counts as dead. */
const WAIT_MS = 15 * 60_000;

/**
 * Does what one message asks for, or the part of it for which there is time.
 *
 * @param newRunId of a run that begins: sorts by time, and names no other run
 * @throws SyncError when a bucket or queue fails; the message may come again, and the run goes on where it was
 */
export async function reconcile(
  ports: ReconcilePorts,
  settings: SegmentSettings,
  message: ReconcileMessage,
  newRunId: string,
): Promise<ReconcileAnswer> {
  if (message.approve !== undefined) return approve(ports, settings.name, message.approve, message.after);
  const { nowMs, remainingMs } = ports;
  const lease = reconcileLease(ports.controls, settings.name, nowMs);
  const run = message.run ?? {
    ...{ runId: newRunId, startedMs: nowMs(), segment: 1, counts: NOTHING_SEEN },
    heldBefore: (await heldOf(ports, settings.name)).everHeld,
  };
  const taken =
    message.run === undefined
      ? await lease.start(run.runId, message.dryRun, remainingMs())
      : await lease.goOn(run.runId, run.segment, remainingMs());
  if (taken === 'busy') return { did: 'nothing', reason: 'already running' };
  if (taken === 'stale') return { did: 'nothing', reason: 'the run has ended, or this part of it was done' };
  const { dryRun } = message;
  try {
    const { counts, after } = await compareSegment(ports, settings, { ...run, dryRun });
    if (after === undefined) return await end(ports, settings.name, lease, { ...run, counts, dryRun });
    const next = { ...run, segment: run.segment + 1, after, counts };
    // Sent first: a message too many finds its segment taken, a message too few would end the run unseen.
    await ports.next({ dryRun, run: next });
    await lease.handOn(run.runId, run.segment, WAIT_MS);
    return { did: 'continued', runId: run.runId, segment: run.segment, counts };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const result = resultOf({ ...run, dryRun }, 0, nowMs(), text);
    await recordFailure(() => lease.fail(run.runId, run.segment, result), error);
    await recordFailure(() => writeResult(ports, settings.name, result), error);
    throw error;
  }
}

interface Run {
  runId: string;
  startedMs: number;
  dryRun: boolean;
  counts: ReconcileCounts;
  /** `everHeld` when it began. */
  heldBefore: number;
}

/** All was compared: the deletes go on their way, or wait for a person. */
async function end(
  ports: ReconcilePorts,
  name: string,
  lease: ReconcileLease,
  run: Run,
): Promise<ReconcileAnswer> {
  const { guard } = ports;
  const { deletes, known } = run.counts;
  let held = 0;
  if (guard !== undefined && run.dryRun) {
    held = (await guard.wouldAllow(deletes, known)).allowed ? 0 : deletes;
  } else if (guard !== undefined && deletes === 0) {
    await settle(ports, name, () => run.heldBefore);
  } else if (guard !== undefined) {
    const permit = await guard.ask(deletes, known);
    held = permit.allowed ? 0 : deletes;
    const reason = permit.allowed ? 'the guard allows them: they are on their way' : permit.reason;
    await hold(ports, name, run, reason);
    if (permit.allowed) await approve(ports, name, run.runId, undefined);
  }
  const result = resultOf(run, held, ports.nowMs());
  await writeResult(ports, name, result);
  await lease.end(run.runId, result);
  return { did: 'ended', result };
}

async function approve(
  ports: ReconcilePorts,
  name: string,
  runId: string,
  after: ReconcileMessage['after'],
): Promise<ReconcileAnswer> {
  const held = await heldOf(ports, name);
  if (held.count === 0 || held.runId !== runId) {
    return { did: 'nothing', reason: 'that run holds no deletes' };
  }
  const released = await releaseDeletes(ports, runId, after);
  if (released.after !== undefined) {
    await ports.next({ dryRun: false, approve: runId, after: released.after });
    return { did: 'released', runId, sent: released.sent, complete: false };
  }
  await settle(ports, name, (before) => (before.runId === runId ? before.listed : undefined));
  return { did: 'released', runId, sent: released.sent, complete: true };
}

async function heldOf({ controls }: ReconcilePorts, name: string): Promise<HeldDeletes> {
  return (await readControl(controls, CONTROL.held(name), heldDeletes)).value ?? NONE_HELD;
}

/** What the run lists takes the place of what was held before it began; it may have passed what came since. */
async function hold(
  { controls, nowMs }: ReconcilePorts,
  name: string,
  { runId, counts, heldBefore }: Run,
  reason: string,
): Promise<void> {
  await changeControl<HeldDeletes, void>(
    controls,
    CONTROL.held(name),
    heldDeletes,
    ({ count, sinceMs, everHeld } = NONE_HELD) => ({
      write: {
        count: counts.deletes + heldSince(everHeld, heldBefore),
        sinceMs: count === 0 ? nowMs() : sinceMs,
        ...{ reason, runId, everHeld, listed: heldBefore },
      },
      answer: undefined,
    }),
  );
}

/** @param upTo how many of those that events ever held are done with; `undefined`: leaves all as it is */
async function settle(
  { controls }: ReconcilePorts,
  name: string,
  upTo: (held: HeldDeletes) => number | undefined,
): Promise<void> {
  await changeControl<HeldDeletes, void>(controls, CONTROL.held(name), heldDeletes, (before = NONE_HELD) => {
    const listed = upTo(before);
    if (listed === undefined || before.count === 0) return { answer: undefined };
    const { everHeld, sinceMs } = before;
    const count = heldSince(everHeld, listed);
    const reason = 'held while a run went on: the next one lists them';
    const rest = count === 0 ? {} : { count, sinceMs, reason };
    return { write: { ...NONE_HELD, ...rest, everHeld }, answer: undefined };
  });
}

function resultOf(
  { runId, startedMs, dryRun, counts }: Run,
  held: number,
  endedMs: number,
  error?: string,
): ReconcileResult {
  const differences = counts.copies + counts.deletes;
  const told = error === undefined ? {} : { error };
  return { runId, startedMs, endedMs, ...counts, differences, held, dryRun, ...told };
}

/** The failure itself is what has to be told, also when it cannot be written down. */
async function recordFailure(record: () => Promise<void>, failure: unknown): Promise<void> {
  try {
    await record();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new SyncError(`${String(failure)}; and this could not be recorded: ${error.message}`, {
      op: 'reconcile',
      retryable: true,
      cause: failure,
    });
  }
}

async function writeResult(
  { reports }: ReconcilePorts,
  name: string,
  result: ReconcileResult,
): Promise<void> {
  const time = new Date(result.endedMs).toISOString();
  const key = objectKey(`${REPORT_PREFIX.runs}reconcile-${name}/${time}.json`);
  const body = new TextEncoder().encode(JSON.stringify(result));
  await reports.put(key, body, { metadata: {}, contentType: 'application/json' });
}
