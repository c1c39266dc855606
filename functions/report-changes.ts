/** Writes what changed since the last run: `diff/<time>.csv`, and more files where one would grow too large. */
import { createChangeFold, kindOf } from '#core/change-fold.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import { type ChangeCounts, DIFF_COLUMNS, diffRow, noChanges } from '#core/report-diff.ts';
import { createCsvUpload } from './csv-upload.ts';
import type { Log } from './log.ts';
import { readJournal, type Stretch } from './report-journal.ts';

export interface ChangesPorts {
  reports: ObjectStore;
  log: Log;
  remainingMs: () => number;
}

export interface ChangesOptions {
  /** Keys, and bytes of journal, that are held before a file is written. */
  maxKeys?: number;
  maxBytes?: number;
}

export interface Changes {
  /** The first is there even when nothing changed. */
  files: ObjectKey[];
  counts: ChangeCounts;
  errors: string[];
  /** The last object that was read, when the time did not suffice for the whole stretch. */
  unreadAfter?: ObjectKey;
}

const MAX_KEYS = 50_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** What is left is for the rest of the run. */
const RESERVE_MS = 240_000;

/** @param time of the run, ISO 8601: the name of the files */
export async function writeChanges(
  { reports, log, remainingMs }: ChangesPorts,
  time: string,
  stretch: Stretch,
  { maxKeys = MAX_KEYS, maxBytes = MAX_BYTES }: ChangesOptions = {},
): Promise<Changes> {
  const files: ObjectKey[] = [];
  const counts = noChanges();
  const errors: string[] = [];
  let fold = createChangeFold();
  let heldBytes = 0;
  let last: ObjectKey | undefined;

  async function write(): Promise<void> {
    const key = diffKey(time, files.length + 1);
    const upload = createCsvUpload(reports, [key]);
    try {
      await upload.row(DIFF_COLUMNS);
      for (const change of fold.sorted()) {
        counts[kindOf(change)]++;
        await upload.row(diffRow(change, isoTime));
      }
      await upload.finish();
    } catch (error) {
      await upload.abort();
      throw error;
    }
    files.push(key);
    fold = createChangeFold();
    heldBytes = 0;
  }

  for await (const { key, sizeBytes, lines, fault } of readJournal(reports, stretch)) {
    if (fault !== undefined) {
      log.error('journal passed over', { key, error: fault, hint: 'The drift check finds what it hides.' });
      errors.push(fault.message);
    }
    for (const line of lines) fold.add(line);
    heldBytes += sizeBytes;
    last = key;
    if (remainingMs() < RESERVE_MS) {
      await write();
      log.warn('the journal is longer than the time: the next run goes on', { after: key });
      return { files, counts, errors, unreadAfter: key };
    }
    if (fold.size >= maxKeys || heldBytes >= maxBytes) await write();
  }
  if (fold.size > 0 || files.length === 0) await write();
  log.info('changes written', { ...counts, files: files.length, journalUpTo: last });
  return { files, counts, errors };
}

/** `diff/<time>.csv`, `diff/<time>-0002.csv`, … */
function diffKey(time: string, part: number): ObjectKey {
  const suffix = part === 1 ? '' : `-${String(part).padStart(4, '0')}`;
  return objectKey(`${REPORT_PREFIX.diff}${time}${suffix}.csv`);
}

/** The run that has written a file of changes; `undefined` for any other file. */
export function timeOfDiff(key: string): string | undefined {
  return DIFF_NAME.exec(key.slice(REPORT_PREFIX.diff.length))?.[1];
}

const DIFF_NAME = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)(?:-\d{4,})?\.csv$/;

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
