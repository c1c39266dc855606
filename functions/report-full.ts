/**
 * Writes all that the ledger knows: `state/<time>.csv` and `state/latest.csv`, both from the same bytes.
 *
 * A ledger that takes longer than one invocation is gone on with in the next: what was sent in parts stays, and the scan
 * begins again after the last row in them.
 */
import type { SentParts } from '#adapters/text-upload.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { reportColumns, reportRow } from '#core/report.ts';
import { count, type LedgerTotals, noTotals } from '#core/report-totals.ts';
import { createCsvUpload, resumeCsvUpload } from './csv-upload.ts';

export interface FullPorts {
  ledger: Pick<Ledger, 'entries'>;
  reports: ObjectStore;
  destinations: readonly string[];
  remainingMs: () => number;
}

/** A scan that goes on in the next run. */
export interface FullScan {
  /** Of the run that has begun it, ISO 8601: the name of the file. */
  time: string;
  startedMs: number;
  /** The columns that the file has. */
  destinations: string[];
  /** The last row in the parts, what the rows up to it add up to, and the parts. */
  after: string;
  rows: number;
  totals: LedgerTotals;
  sent: SentParts;
}

export interface FullAnswer {
  key: ObjectKey;
  /** Entries of the ledger; the header is not counted. */
  rows: number;
  totals: LedgerTotals;
}

/** What is left is for the rest of the run. */
const RESERVE_MS = 150_000;

/** Begins a scan, or goes on with one; what the time did not suffice for is answered as a scan again. */
export async function writeFull(
  { ledger, reports, destinations, remainingMs }: FullPorts,
  begin: { time: string; startedMs: number } | FullScan,
  partBytes?: number,
): Promise<{ done: FullAnswer } | { unfinished: FullScan }> {
  const { time, startedMs } = begin;
  const key = objectKey(`${REPORT_PREFIX.state}${time}.csv`);
  const latest = objectKey(`${REPORT_PREFIX.state}latest.csv`);
  const goesOn = 'after' in begin;
  const upload = goesOn
    ? await resumeCsvUpload(reports, begin.sent, partBytes)
    : createCsvUpload(reports, [key, latest], partBytes);
  let { rows, totals } = goesOn
    ? { rows: begin.rows, totals: structuredClone(begin.totals) }
    : { rows: 0, totals: noTotals(destinations) };
  let mark = goesOn ? begin : undefined;
  try {
    if (!goesOn) await upload.row(reportColumns(destinations));
    for await (const entry of ledger.entries(goesOn ? { after: objectKey(begin.after) } : {})) {
      const state = await upload.row(reportRow(entry, destinations, isoTime));
      count(totals, entry);
      rows++;
      if (state === 'sent') {
        const sent = upload.sentParts();
        if (sent === undefined) throw new Error('parts were sent');
        const after = entry.key;
        mark = { time, startedMs, destinations: [...destinations], after, rows, totals, sent };
        totals = structuredClone(totals);
      }
      if (rows % 500 === 0 && remainingMs() < RESERVE_MS) {
        if (mark !== undefined) return { unfinished: mark };
        throw outOfTime(key, rows);
      }
    }
    await upload.finish();
    return { done: { key, rows, totals } };
  } catch (error) {
    // What an earlier run has sent is gone on with.
    if (!goesOn) await upload.abort();
    throw error;
  }
}

/** Whether the scan can be gone on with: its file has a column for each destination. */
export function canGoOn(scan: FullScan, destinations: readonly string[]): boolean {
  return scan.destinations.join() === destinations.join();
}

/** Leaves nothing of a scan behind. */
export async function dropScan(
  reports: Pick<ObjectStore, 'abortMultipart'>,
  { sent }: FullScan,
): Promise<void> {
  for (const { key, uploadId } of sent.uploads) await reports.abortMultipart(objectKey(key), uploadId);
}

function outOfTime(key: ObjectKey, rows: number): SyncError {
  return new SyncError(`${key} was not written: the time sufficed for ${rows} rows only`, {
    op: 'write-state',
    key,
    retryable: true,
    code: 'OutOfTime',
  });
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
