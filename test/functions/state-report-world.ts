/** A deployment in memory for the state report: what it reads, and what a test tells it. */

import type { ReportSender } from '#adapters/report-http.ts';
import { SyncError } from '#core/errors.ts';
import { imageOf, journalKey, journalText } from '#core/journal.ts';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { Metric } from '#core/names.ts';
import type { ReportResult } from '#core/report-result.ts';
import type { StateReportPorts, StateReportRun } from '../../functions/report-run.ts';
import { reportState } from '../../functions/state-report.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

export function createWorld() {
  let timeMs = START_MS;
  let lines = 0;
  const nowMs = () => timeMs;
  const reports = createMemoryStore({ bucket: 'reports', nowMs });
  const hub = createMemoryStore({ bucket: 'hub', nowMs });
  const ledger = createMemoryLedger();
  const controls = createMemoryControls();
  const { log, lines: logLines } = createMemoryLog();
  const metrics: Partial<Record<Metric, number>> = {};
  const received: { url: string; runId: string; body: ReportResult }[] = [];
  const failing = new Map<string, SyncError>();

  const sender = (url: string): ReportSender => ({
    url,
    async send(body, idempotencyKey) {
      const failure = failing.get(url);
      if (failure !== undefined) throw failure;
      received.push({ url, runId: idempotencyKey, body: JSON.parse(String(body)) as ReportResult });
    },
    close: async () => undefined,
  });

  const ports: StateReportPorts = {
    reports,
    hub,
    ledger,
    controls,
    log,
    nowMs,
    remainingMs: () => 900_000,
    metrics: {
      add: (metric, value) => {
        metrics[metric] = (metrics[metric] ?? 0) + value;
      },
      flush: () => undefined,
    },
    queues: async () => [{ name: 'MirrorOne', url: 'one', deadLettersUrl: 'one-dead' }],
    depth: async (url) => ({ waiting: url.endsWith('dead') ? 2 : 5, inFlight: 1 }),
    destinations: ['one'],
    names: [],
    missingAfterMs: 30 * MINUTE_MS,
    senders: [],
  };

  return {
    ports,
    reports,
    hub,
    ledger,
    controls,
    metrics,
    received,
    failing,
    sender,
    logLines,
    pass: (minutes: number) => {
      timeMs += minutes * MINUTE_MS;
    },
    /** Writes a row as event-replay does; `untold`: without a line in the journal. */
    async write(
      fields: Parameters<typeof ledgerEntry>[0] & { key: string },
      told = true,
    ): Promise<LedgerEntry> {
      const before = await ledger.get(objectKey(fields.key));
      const entry = ledgerEntry({ eventTimeMs: timeMs, ...fields, revision: (before?.revision ?? 0) + 1 });
      await ledger.put(entry);
      if (told) {
        const change = { key: entry.key, atMs: timeMs, reason: 'test', after: imageOf(entry) };
        const text = journalText([before === undefined ? change : { ...change, before: imageOf(before) }]);
        await reports.put(journalKey(new Date(timeMs).toISOString(), `w${lines++}`), Buffer.from(text), {
          metadata: {},
        });
      }
      return entry;
    },
    async run(
      fields: Partial<StateReportRun> = {},
      changed: Partial<StateReportPorts> = {},
    ): Promise<ReportResult> {
      const answer = await reportState(
        { ...ports, ...changed },
        {
          requestId: 'request',
          stack: 'sluice',
          timezone: 'UTC',
          fullEveryMs: 86_400_000,
          full: false,
          now: false,
          ...fields,
        },
      );
      if ('skipped' in answer) throw new Error(answer.skipped);
      return answer;
    },
    text: (key: string | undefined): string => String(reports.contents(objectKey(key ?? 'none'))),
    /** The rows of a CSV without quotes in it, its header left out. */
    rows: (key: string | undefined): string[] =>
      String(reports.contents(objectKey(key ?? 'none')))
        .split('\r\n')
        .slice(1, -1),
  };
}

export function down(retryable: boolean): SyncError {
  return new SyncError('no', { op: 'test', retryable, code: 'Down' });
}
