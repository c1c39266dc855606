/** One run of the state report up to its result: changes, drift, full state, and what runs beside the ledger. */
import type { ReportSender } from '#adapters/report-http.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import type { ReportResult } from '#core/report-result.ts';
import type { Metrics } from './metrics.ts';
import { writeChanges } from './report-changes.ts';
import type { DriftAnswer } from './report-drift.ts';
import { advanceFull, compareFull, storeClock } from './report-fulls.ts';
import { SETTLED_AFTER_MS } from './report-journal.ts';
import { type ObservePorts, observe } from './report-observe.ts';
import type { ReportState } from './report-state.ts';

/** HEAD tells whole seconds, where listings may tell more. */
const WITHIN_SECOND_MS = 999;

export interface StateReportPorts extends ObservePorts {
  ledger: Pick<Ledger, 'entries' | 'get'>;
  reports: ObjectStore;
  senders: readonly ReportSender[];
  metrics: Metrics;
  remainingMs: () => number;
}

export interface StateReportRun {
  /** Of the invocation; with the time it is the run's id. */
  requestId: string;
  stack: string;
  timezone: string;
  /** Between the beginnings of two full states. */
  fullEveryMs: number | 'off';
  /** A full state now, whenever the last one was. */
  full: boolean;
  /** Tells the changes of the last moments too; as they are not settled yet, the next run tells them again. */
  now: boolean;
}

export interface Findings {
  result: ReportResult;
  /** A part that failed while the others were told. */
  failure: SyncError | undefined;
}

/** Brings `state` up to date. */
export async function findOut(
  ports: StateReportPorts,
  run: StateReportRun,
  state: ReportState,
): Promise<Findings> {
  const { reports, log, metrics, nowMs } = ports;
  const timeMs = Math.max(nowMs(), state.lastRunMs + 1);
  state.lastRunMs = timeMs;
  const time = new Date(timeMs).toISOString();
  const failures: SyncError[] = [];
  const clockMs = await storeClock(reports, time, run.requestId);
  const settledMs = clockMs - SETTLED_AFTER_MS;
  const { unread } = state;
  const stretch = {
    fromMs: state.readToMs,
    toMs: Math.max(state.readToMs, unread?.toMs ?? (run.now ? clockMs + WITHIN_SECOND_MS : settledMs)),
    ...(unread === undefined ? {} : { after: objectKey(unread.after) }),
  };
  const changes = await writeChanges(ports, time, stretch);
  const { errors } = changes;
  const toldToMs = Math.max(state.readToMs, Math.min(stretch.toMs, settledMs));
  if (changes.unreadAfter !== undefined) {
    state.unread = { toMs: toldToMs, after: changes.unreadAfter };
  } else {
    state.readToMs = toldToMs;
    delete state.unread;
  }

  async function part<Value>(what: string, work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.error(`${what} failed`, { error, code: error.code, hint: error.hint });
      errors.push(`${what}: ${error.message}`);
      failures.push(error);
      return undefined;
    }
  }
  const drift = await part('the drift check', () => compareFull(ports, time, state));
  if (drift?.incomplete !== undefined) errors.push(`the drift check: ${drift.incomplete}`);
  metrics.add('DriftedKeys', drift?.drifted ?? 0);

  const full = await part('the full state', () => advanceFull(ports, run, state, { time, timeMs }));

  const observed = await observe(ports, state.totals, state.busySinceMs, errors);
  metrics.add('HeartbeatsMissing', observed.agents.filter(({ missing }) => missing).length);
  const { totals, totalsAt = time } = state;
  const result: ReportResult = {
    version: 1,
    runId: `${time}-${run.requestId}`,
    time,
    stack: run.stack,
    changes: changes.counts,
    files: {
      diffs: changes.files,
      ...(full === undefined ? {} : { full: full.key }),
      ...(drift?.file === undefined ? {} : { drift: drift.file }),
      html: `${REPORT_PREFIX.html}${time}.html`,
    },
    ...(totals === undefined
      ? {}
      : {
          state: {
            at: totalsAt,
            objects: totals.objects,
            bytes: totals.bytes,
            tombstones: totals.tombstones,
            delivered: totals.delivered,
          },
        }),
    ...(drift === undefined ? {} : { drift: driftOf(drift) }),
    ...observed,
    errors,
  };
  return { result, failure: failures[0] };
}

function driftOf({ compared, drifted, incomplete }: DriftAnswer): NonNullable<ReportResult['drift']> {
  return { compared, drifted, ...(incomplete === undefined ? {} : { incomplete }) };
}
