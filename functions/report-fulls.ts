/** The full states: when one is due, how it is gone on with, and when it is compared with the one before. */
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import { checkDrift, type DriftAnswer, type DriftPorts } from './report-drift.ts';
import { canGoOn, dropScan, type FullAnswer, type FullPorts, writeFull } from './report-full.ts';
import type { ReportState } from './report-state.ts';

/** A full state is compared when the journal has been read so far beyond the end of its scan. */
const TOLD_AFTER_MS = 10 * 60_000;
/** With less time than that a full state is left to the next run. */
const FULL_RESERVE_MS = 300_000;
/** A schedule is not exact: a full state may begin that much before its time. */
const EARLY_MS = 60_000;

/** When the last full state has waited long enough; it takes the place of the one before when all was compared. */
export async function compareFull(
  ports: DriftPorts,
  time: string,
  state: ReportState,
): Promise<DriftAnswer | undefined> {
  const { baseline, candidate, readToMs } = state;
  if (baseline === undefined || candidate === undefined || readToMs < candidate.endedMs + TOLD_AFTER_MS) {
    return undefined;
  }
  let answer: DriftAnswer;
  try {
    answer = await checkDrift(ports, time, { old: baseline, candidate });
  } catch (error) {
    if (!(error instanceof SyncError) || error.retryable) throw error;
    // What cannot be compared now never can: the next comparison is with this one.
    state.baseline = candidate;
    delete state.candidate;
    throw error;
  }
  if (answer.goesOn !== true) state.baseline = candidate;
  delete state.candidate;
  return answer;
}

/**
 * Writes a full state when it is due, or goes on with one that was begun; `undefined` when there is none yet. Throws
 * `SyncError`; what was begun is gone on with where that can help.
 */
export async function advanceFull(
  ports: FullPorts & Pick<DriftPorts, 'log'>,
  run: { requestId: string; full: boolean; fullEveryMs: number | 'off' },
  state: ReportState,
  { time, timeMs }: { time: string; timeMs: number },
): Promise<FullAnswer | undefined> {
  const { reports, log, destinations, remainingMs } = ports;
  if (state.scan !== undefined && !canGoOn(state.scan, destinations)) {
    log.warn('the full state is begun anew: the destinations are not those that it was begun with');
    await dropScan(reports, state.scan);
    delete state.scan;
  }
  const due = run.full || isFullDue(state, run.fullEveryMs, timeMs);
  if (state.scan === undefined && !due) return undefined;
  if (remainingMs() < FULL_RESERVE_MS) {
    log.warn('the full state is left to the next run: no time is left');
    return undefined;
  }
  const begin = state.scan ?? { time, startedMs: timeMs };
  let answer: Awaited<ReturnType<typeof writeFull>>;
  try {
    answer = await writeFull(ports, begin);
  } catch (error) {
    if (error instanceof SyncError && !error.retryable && state.scan !== undefined) {
      await dropScan(reports, state.scan);
      delete state.scan;
    }
    throw error;
  }
  if ('unfinished' in answer) {
    const { rows, after } = answer.unfinished;
    log.info('the full state goes on in the next run', { rows, after });
    state.scan = answer.unfinished;
    return undefined;
  }
  delete state.scan;
  const { key, totals } = answer.done;
  // By the store's clock, as the journal is.
  const endedMs = await storeClock(reports, time, run.requestId);
  const written = { time: begin.time, key, startedMs: begin.startedMs, endedMs };
  if (state.baseline === undefined) state.baseline = written;
  else state.candidate = written;
  state.totals = totals;
  state.totalsAt = begin.time;
  return answer.done;
}

/** Never while one waits for its comparison. */
function isFullDue({ baseline, candidate }: ReportState, everyMs: number | 'off', nowMs: number): boolean {
  if (baseline === undefined) return true;
  return everyMs !== 'off' && candidate === undefined && nowMs - baseline.startedMs >= everyMs - EARLY_MS;
}

/** The store's clock, by the time that it gives an object which says that this run is under way. */
export async function storeClock(
  reports: Pick<ObjectStore, 'put' | 'head'>,
  time: string,
  requestId: string,
): Promise<number> {
  const key = objectKey(`${REPORT_PREFIX.runs}state-report-clock.json`);
  const body = Buffer.from(`${JSON.stringify({ time, requestId })}\n`);
  await reports.put(key, body, { metadata: {}, contentType: 'application/json' });
  const head = await reports.head(key);
  if (head !== undefined) return head.lastModifiedMs;
  throw new SyncError(`${key} is not there after it was written`, {
    op: 'store-clock',
    key,
    retryable: true,
  });
}
