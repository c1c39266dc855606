/** The rows of the files that a drift check compares, merged by key. */
import { SyncError } from '#core/errors.ts';
import type { LedgerImage } from '#core/journal.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { mergeSorted } from '#core/merge-sorted.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore, ObjectSummary } from '#core/ports.ts';
import { reportReader } from '#core/report.ts';
import { DIFF_COLUMNS, diffReader } from '#core/report-diff.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { readCsv } from './csv-read.ts';
import { csvText } from './csv-upload.ts';
import { objectChunks } from './object-chunks.ts';
import { timeOfDiff } from './report-changes.ts';

type Reports = Pick<ObjectStore, 'list' | 'get' | 'head'>;

/** `early`: a change that was told before the new scan began. */
export type SourceName = 'old' | 'early' | 'late' | 'new';
export interface ComparedRow {
  key: ObjectKey;
  source: SourceName;
  image: LedgerImage;
}

const STATE_CHUNK_BYTES = 4 * 1024 * 1024;
/** For the changes in all, however many files they are. */
const CHANGES_CHUNK_BYTES = 48 * 1024 * 1024;
const MAX_CHUNK_BYTES = 1024 * 1024;
const MIN_CHUNK_BYTES = 24 * 1024;
/** As many as `MIN_CHUNK_BYTES` of each go into the memory. A week of a run each 5 minutes. */
export const MAX_DIFFS = CHANGES_CHUNK_BYTES / MIN_CHUNK_BYTES;

/** The files of the changes that were told after the old scan, those without a row left out. */
export async function diffsSince(reports: Reports, oldTime: string): Promise<ObjectSummary[]> {
  const found: ObjectSummary[] = [];
  const headerBytes = csvText([DIFF_COLUMNS]).length;
  for await (const one of reports.list(REPORT_PREFIX.diff, {
    after: objectKey(`${REPORT_PREFIX.diff}${oldTime}`),
  })) {
    const time = timeOfDiff(one.key);
    if (time !== undefined && time > oldTime && one.sizeBytes > headerBytes) found.push(one);
  }
  return found;
}

/** Every row of old state, changes and new state in key order; holds one chunk of each file. */
export async function* comparedRows(
  reports: Reports,
  files: { old: string; new: string; newTime: string; diffs: readonly ObjectSummary[] },
): AsyncGenerator<ComparedRow> {
  const share = Math.floor(CHANGES_CHUNK_BYTES / Math.max(1, files.diffs.length));
  const chunkBytes = Math.max(MIN_CHUNK_BYTES, Math.min(MAX_CHUNK_BYTES, share));
  yield* mergeSorted(
    [
      stateRows(reports, await summaryOf(reports, files.old), 'old'),
      ...files.diffs.map((one) => {
        const early = (timeOfDiff(one.key) ?? '') <= files.newTime;
        return diffRows(reports, one, early ? 'early' : 'late', chunkBytes);
      }),
      stateRows(reports, await summaryOf(reports, files.new), 'new'),
    ],
    (left, right) => compareUtf8(left.key, right.key),
  );
}

async function* stateRows(
  reports: Reports,
  file: ObjectSummary,
  source: SourceName,
): AsyncGenerator<ComparedRow> {
  let read: ReturnType<typeof reportReader> | undefined;
  for await (const cells of readCsv(objectChunks(reports, file, STATE_CHUNK_BYTES), file.key)) {
    if (read === undefined) read = reportReader(cells, Date.parse, file.key);
    else yield { source, ...read(cells) };
  }
}

async function* diffRows(
  reports: Reports,
  file: ObjectSummary,
  source: SourceName,
  chunkBytes: number,
): AsyncGenerator<ComparedRow> {
  let read: ReturnType<typeof diffReader> | undefined;
  for await (const cells of readCsv(objectChunks(reports, file, chunkBytes), file.key)) {
    if (read === undefined) {
      read = diffReader(cells, Date.parse, file.key);
      continue;
    }
    const { key, after } = read(cells);
    yield { key, source, image: after };
  }
}

async function summaryOf(reports: Reports, name: string): Promise<ObjectSummary> {
  const head = await reports.head(objectKey(name));
  if (head !== undefined) return head;
  throw new SyncError(`${name} is not there any more`, {
    op: 'read-report',
    key: name,
    retryable: false,
    code: 'NoSuchKey',
    hint: 'The next full state is a new beginning.',
  });
}
