/** How the rows of an older index become rows of this version. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { type IndexRow, PUT_ROW, valuesOf } from './index-row.ts';
import type { Fingerprint } from './tree.ts';

/** What makes the tables of this version. */
interface Declarations {
  files: string;
  uploads: string;
}

const BEFORE_STAMPS =
  'folder, path, dev, ino, size, mtime_ns, ctime_ns, md5, etag, version_id, state, attempts';

/** Within the transaction of the caller. Version 0 is an empty file. Rows are taken as they are: they had no sum yet. */
export function carryOver(database: DatabaseSync, version: number, { files, uploads }: Declarations): void {
  if (version === 1) database.exec('ALTER TABLE files RENAME TO older; DROP INDEX files_by_state');
  if (version === 2) {
    database.exec('ALTER TABLE files RENAME TO older; DROP INDEX files_unsettled; DROP INDEX files_by_inode');
  }
  database.exec(files);
  if (version < 2) database.exec(uploads);
  if (version === 0) return;
  const partBytes = version === 1 ? '0 AS part_bytes' : 'part_bytes';
  const old = database.prepare(
    `SELECT ${BEFORE_STAMPS}, next_attempt_ms, last_error, ${partBytes} FROM older`,
  );
  old.setReadBigInts(true);
  const put = database.prepare(PUT_ROW);
  for (const values of old.iterate()) put.run(...valuesOf(olderRowOf(values)));
  database.exec('DROP TABLE older');
}

function olderRowOf(values: Record<string, SQLOutputValue>): IndexRow {
  return {
    folder: values.folder as string,
    path: Buffer.from(values.path as Uint8Array),
    ...numbersOf(values),
    md5: values.md5 as string,
    etag: values.etag as string,
    versionId: values.version_id as string,
    partBytes: Number(values.part_bytes),
    state: values.state as IndexRow['state'],
    attempts: Number(values.attempts),
    nextAttemptMs: Number(values.next_attempt_ms),
    lastError: values.last_error as string,
  };
}

/** SQLite's integers are signed; device and inode numbers are not. */
export function numbersOf(values: Record<string, SQLOutputValue>): Fingerprint {
  return {
    dev: BigInt.asUintN(64, values.dev as bigint),
    ino: BigInt.asUintN(64, values.ino as bigint),
    sizeBytes: Number(values.size),
    mtimeNs: values.mtime_ns as bigint,
    ctimeNs: values.ctime_ns as bigint,
  };
}
