/**
 * Tells what happens in the cloud: what the ledger and the mirrors say of each key, and new reports. It only looks, and
 * less often when looking takes long.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { SyncError } from '#core/errors.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import { ledgerRows } from './ledger-rows.ts';
import { type LedgerTotals, NOTHING_COUNTED, type Notice, noticesOf, withRow } from './notice.ts';

const POLL_MS = 1_000;
/** Of the time, at most one part in so many is spent looking. */
const PATIENCE = 5;

export interface CloudWatch {
  /** Reads what is there now without telling of it; then tells of changes until the signal. */
  follow(): Promise<void>;
  /** As the last look found it. */
  totals(): LedgerTotals;
  /** Runs state-report; where its report is, the next look tells. */
  report(): Promise<void>;
}

export interface CloudWatchOptions {
  ledger: string;
  reports: string;
  stateReport: string;
  onNotice: (notice: Notice) => void;
  signal: AbortSignal;
}

export async function watchCloud(options: CloudWatchOptions): Promise<CloudWatch> {
  const { ledger, reports, stateReport, onNotice, signal } = options;
  const table = DynamoDBDocumentClient.from(new DynamoDBClient());
  const s3 = new S3Client({ forcePathStyle: true });
  const lambda = new LambdaClient();
  const told = new Map<string, string>();
  let totals = NOTHING_COUNTED;
  let lastReport = '';

  async function look(tell: (notice: Notice) => void): Promise<void> {
    let counted = NOTHING_COUNTED;
    for await (const row of ledgerRows(table, ledger)) {
      counted = withRow(counted, row);
      for (const [subject, notice] of noticesOf(row)) {
        const text = JSON.stringify(notice);
        if (told.get(subject) === text) continue;
        told.set(subject, text);
        tell(notice);
      }
    }
    totals = counted;
    const report = await reportAfter(s3, reports, lastReport);
    if (report === undefined) return;
    lastReport = report;
    tell({ kind: 'report', key: report });
  }

  await look(() => {});
  return {
    async follow() {
      while (!signal.aborted) {
        const startedMs = performance.now();
        await look(onNotice);
        const tookMs = performance.now() - startedMs;
        await delay(Math.max(POLL_MS, tookMs * PATIENCE), undefined, { signal }).catch(ignoreAbort);
      }
      table.destroy();
      s3.destroy();
      lambda.destroy();
    },
    totals: () => totals,
    async report() {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: stateReport, Payload: '{}' }));
      if (answer.FunctionError === undefined) return;
      const payload = Buffer.from(answer.Payload ?? []).toString();
      throw new SyncError(`state-report failed: ${payload}`, { op: 'state-report', retryable: true });
    },
  };
}

/** The last report after `seen`; their names begin with the time of the run, so their order is that of time. */
async function reportAfter(s3: S3Client, bucket: string, seen: string): Promise<string | undefined> {
  let newest: string | undefined;
  let after = seen;
  for (;;) {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: REPORT_PREFIX.state, StartAfter: after }),
    );
    const keys = (page.Contents ?? []).map(({ Key = '' }) => Key);
    newest = keys.findLast((key) => /^\d/.test(key.slice(REPORT_PREFIX.state.length))) ?? newest;
    const last = keys.at(-1);
    if (page.IsTruncated !== true || last === undefined) return newest;
    after = last;
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
