/**
 * Tells what happens in the cloud, for a person at a terminal: what the ledger and the mirrors say of each key, and
 * new reports. It only looks, and less often when looking takes long.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, ScanCommand, type ScanCommandOutput } from '@aws-sdk/lib-dynamodb';
import { SyncError } from '#core/errors.ts';
import { LEDGER_KEY, MIRROR_PREFIX, REPORT_PREFIX } from '#core/names.ts';

const POLL_MS = 1_000;
/** Of the time, at most one part in so many is spent looking. */
const PATIENCE = 5;

export interface CloudWatch {
  /** Reads what is there now without telling of it; then tells of changes until the signal. */
  follow(): Promise<void>;
  /** Runs state-report; where its report is, the next look tells. */
  report(): Promise<void>;
}

export interface CloudWatchOptions {
  ledger: string;
  reports: string;
  stateReport: string;
  onLine: (line: string) => void;
  signal: AbortSignal;
}

export async function watchCloud(options: CloudWatchOptions): Promise<CloudWatch> {
  const { ledger, reports, stateReport, onLine, signal } = options;
  const table = DynamoDBDocumentClient.from(new DynamoDBClient());
  const s3 = new S3Client({ forcePathStyle: true });
  const lambda = new LambdaClient();
  const told = new Map<string, string>();
  let lastReport = '';

  async function look(tell: (line: string) => void): Promise<void> {
    for await (const row of rows(table, ledger)) {
      for (const [subject, line] of statements(row)) {
        if (told.get(subject) === line) continue;
        told.set(subject, line);
        tell(line);
      }
    }
    const report = await reportAfter(s3, reports, lastReport);
    if (report === undefined) return;
    lastReport = report;
    tell(`report   s3://${reports}/${report}`);
  }

  await look(() => {});
  return {
    async follow() {
      while (!signal.aborted) {
        const startedMs = performance.now();
        await look((line) => onLine(printable(line)));
        const tookMs = performance.now() - startedMs;
        await delay(Math.max(POLL_MS, tookMs * PATIENCE), undefined, { signal }).catch(ignoreAbort);
      }
      table.destroy();
      s3.destroy();
      lambda.destroy();
    },
    async report() {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: stateReport, Payload: '{}' }));
      if (answer.FunctionError === undefined) return;
      const payload = Buffer.from(answer.Payload ?? []).toString();
      throw new SyncError(`state-report failed: ${payload}`, { op: 'state-report', retryable: true });
    },
  };
}

type Row = Readonly<Record<string, unknown>>;

async function* rows(table: DynamoDBDocumentClient, TableName: string): AsyncGenerator<Row> {
  let start: Record<string, unknown> | undefined;
  do {
    const page: ScanCommandOutput = await table.send(
      new ScanCommand({ TableName, ExclusiveStartKey: start }),
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

/** What one row says, by subject, so that each is told once for each change. */
function statements(row: Row): [subject: string, line: string][] {
  const key = String(row[LEDGER_KEY.sort]);
  const said: [string, string][] = [];
  if (row.state === 'present') said.push([key, `ledger   ${key}  ${row.sizeBytes} bytes, ${row.etag}`]);
  if (row.state === 'deleted') said.push([key, `ledger   ${key}  deleted`]);
  for (const [name, value] of Object.entries(row)) {
    if (!name.startsWith(MIRROR_PREFIX)) continue;
    const { sourceEtag } = value as { sourceEtag: string };
    const what = sourceEtag === '' ? 'deleted' : `verified, ${sourceEtag}`;
    said.push([`${name} ${key}`, `mirror   ${key}  ${name.slice(MIRROR_PREFIX.length)}: ${what}`]);
  }
  return said;
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

/** Control characters of a key would let it forge lines or paint the terminal. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
