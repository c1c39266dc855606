/**
 * Writes what the ledger knows as a CSV.
 *
 * Trigger: EventBridge Scheduler, or by hand. Idempotent: each run writes a file of its own and replaces `latest.csv`.
 * Steps: entries in key order -> rows -> `state/<time>.csv` and `state/latest.csv`, both from the same bytes.
 */
import type { Context } from 'aws-lambda';
import { objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { reportColumns, reportRow } from '#core/report.ts';
import { createCsvUpload } from './csv-upload.ts';
import { liveDestinationNames, liveLedger, liveLog, liveReports } from './live.ts';

export interface StateReportPorts {
  ledger: Pick<Ledger, 'entries'>;
  reports: ObjectStore;
  destinations: readonly string[];
  nowMs: () => number;
}

export interface StateReportAnswer {
  key: string;
  rows: number;
}

export const handler = async (_event: unknown, context: Context): Promise<StateReportAnswer> => {
  const log = liveLog('state-report', context);
  const answer = await writeStateReport({
    ledger: liveLedger(),
    reports: liveReports(),
    destinations: liveDestinationNames(),
    nowMs: Date.now,
  });
  log.info('state report written', { ...answer });
  return answer;
};

/** Answers the key of the file and how many entries it has; the header is not counted. */
export async function writeStateReport(
  ports: StateReportPorts,
  partBytes?: number,
): Promise<StateReportAnswer> {
  const { ledger, reports, destinations, nowMs } = ports;
  const isoTime = (ms: number) => new Date(ms).toISOString();
  const key = objectKey(`${REPORT_PREFIX.state}${isoTime(nowMs())}.csv`);
  const latest = objectKey(`${REPORT_PREFIX.state}latest.csv`);
  const upload = createCsvUpload(reports, [key, latest], partBytes);
  try {
    await upload.row(reportColumns(destinations));
    let rows = 0;
    for await (const entry of ledger.entries()) {
      await upload.row(reportRow(entry, destinations, isoTime));
      rows++;
    }
    await upload.finish();
    return { key, rows };
  } catch (error) {
    await upload.abort();
    throw error;
  }
}
