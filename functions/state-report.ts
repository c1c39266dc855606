/**
 * Tells what changed, on its slower schedule the whole state, and shows both on a page.
 *
 * Trigger: EventBridge Scheduler, or by hand with `{"full": true}`, or `{"now": true}` for what
 * changed up to this moment. One run at a time; a run that ends before its time
 * leaves everything to the next one, which does it again: nothing is lost, and a change may be told twice.
 * Steps: journal since the last run -> diff -> is the last full state what the changes made of the one before -> a new
 * full state when it is due -> queues, destinations, agents -> page -> result -> note where the next run goes on ->
 * report endpoints, with what they did not take before. What is noted includes what is yet to be sent, so that a run
 * that ends while it sends has lost no result, and its retry has the same idempotency key.
 */
import type { Context } from 'aws-lambda';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ReportResult } from '#core/report-result.ts';
import { liveLog, liveMetrics } from './live.ts';
import { liveStateReport } from './live-report.ts';
import type { Log } from './log.ts';
import { reportPage } from './report-page.ts';
import { type Findings, findOut, type StateReportPorts, type StateReportRun } from './report-run.ts';
import { sendResults } from './report-send.ts';
import { extendSeries } from './report-series.ts';
import { claimState, type ReportState, type StateClaim } from './report-state.ts';

export type StateReportAnswer = ReportResult | { skipped: string };

export const handler = async (event: unknown, context: Context): Promise<StateReportAnswer> => {
  const log = liveLog('state-report', context);
  const metrics = liveMetrics('state-report');
  const { ports, run } = liveStateReport();
  const remainingMs = () => context.getRemainingTimeInMillis();
  try {
    return await reportState(
      { ...ports, log, metrics, remainingMs },
      { ...run, requestId: context.awsRequestId, full: asks(event, 'full'), now: asks(event, 'now') },
    );
  } finally {
    metrics.flush();
  }
};

/** Answers the result as it was sent, or why there is none. Throws, after all, when a part of the run has failed. */
export async function reportState(ports: StateReportPorts, run: StateReportRun): Promise<StateReportAnswer> {
  const { log, nowMs, remainingMs, controls } = ports;
  const startedMs = nowMs();
  const claim = await claimState(controls, {
    runId: run.requestId,
    nowMs: startedMs,
    untilMs: startedMs + remainingMs(),
  });
  if (claim === undefined) {
    log.warn('state report skipped: another run is under way');
    return { skipped: 'another run is under way' };
  }
  let found: Findings;
  try {
    found = await perform(ports, run, claim);
  } catch (error) {
    await giveBack(claim, log);
    throw error;
  }
  if (found.failure !== undefined) throw found.failure;
  return found.result;
}

async function perform(ports: StateReportPorts, run: StateReportRun, claim: StateClaim): Promise<Findings> {
  const { log, nowMs, metrics, senders } = ports;
  const state: ReportState = { ...claim.state, busySinceMs: { ...claim.state.busySinceMs } };
  const found = await findOut(ports, run, state);
  const { result } = found;
  const { runId, files } = result;
  const key = await keep(ports, result);
  const sinceMs = nowMs();
  state.unsent = [...state.unsent, ...senders.map(({ url }) => ({ url, key, runId, sinceMs }))];
  await claim.save(state);
  try {
    await showPage(ports, result, run.timezone);
  } finally {
    // What was found is told even where it cannot be drawn.
    const { unsent, sent, failures } = await sendResults(ports, state.unsent);
    await claim.end({ ...state, unsent });
    metrics.add('ReportsFailed', failures);
    log.info('state report written', { ...result.changes, ...files, sent, unsent: unsent.length });
  }
  return found;
}

/** A retry need not wait for the end of a run that is over. */
async function giveBack(claim: StateClaim, log: Log): Promise<void> {
  try {
    await claim.end();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    log.warn('the next run waits until the time of this one is over', { error });
  }
}

async function showPage(ports: StateReportPorts, result: ReportResult, timezone: string): Promise<void> {
  const points = await extendSeries(ports, result);
  const page = Buffer.from(reportPage(result, points, timezone));
  for (const name of [result.files.html, `${REPORT_PREFIX.html}latest.html`]) {
    await ports.reports.put(objectKey(name), page, { metadata: {}, contentType: 'text/html; charset=utf-8' });
  }
}

/** Under its time, and as the last one; answers the key of the first. */
async function keep({ reports }: StateReportPorts, result: ReportResult): Promise<ObjectKey> {
  const body = Buffer.from(`${JSON.stringify(result)}\n`);
  const key = objectKey(`${REPORT_PREFIX.runs}history/${result.time.slice(0, 10)}/${result.time}.json`);
  for (const name of [key, objectKey(`${REPORT_PREFIX.runs}state-report.json`)]) {
    await reports.put(name, body, { metadata: {}, contentType: 'application/json' });
  }
  return key;
}

function asks(event: unknown, what: 'full' | 'now'): boolean {
  return (
    typeof event === 'object' &&
    event !== null &&
    Object.entries(event).some(([name, value]) => name === what && value === true)
  );
}
