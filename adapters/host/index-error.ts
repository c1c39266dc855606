/** What SQLite's errors mean for the index: damaged for good, full for now, or failed for another reason. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { SyncError } from '#core/errors.ts';
import { isSystemError } from './libc.ts';

/** https://sqlite.org/rescode.html */
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** Busy, read-only, an error of the disk, full, cannot be opened: the file is as sound as it was. */
const PASSING = new Set([5, 8, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN]);

const READ_BYTES = 1024 * 1024;

/** Found by our own checks, not by SQLite. */
export class Damage extends Error {}

/** As `PRAGMA quick_check` tells of a page that it could not read: https://sqlite.org/pragma.html#pragma_integrity_check */
const UNREAD_PAGE = /unable to get the page\. error code=(\d+)/;

/** Throws `Damage` when a page is not what it should be, and another error when one could not be read this time. */
export function requireWhole(database: DatabaseSync): void {
  const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
  if (check === 'ok') return;
  const errcode = Number(UNREAD_PAGE.exec(String(check))?.[1] ?? SQLITE_CORRUPT);
  const unread = Object.assign(new Error(String(check)), { errcode });
  throw isPassing(unread) ? unread : new Damage(String(check));
}

/**
 * What `open` answers. SQLite calls a file damaged, too, whose first page it could not read: so it must say so twice, of a
 * file of which every byte can be read.
 */
export function unlessUnread<Opened>(file: string, open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    if (!isDamage(error)) throw error;
    for (const suffix of ['', '-wal']) requireReadable(file + suffix);
    return open();
  }
}

function requireReadable(file: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let at = 0, bytes = -1; bytes !== 0; at += bytes) bytes = readSync(fd, buffer, 0, READ_BYTES, at);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT') throw Object.assign(error, { errcode: SQLITE_IOERR });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function isDamage(error: unknown): error is Error {
  return error instanceof Damage || [SQLITE_CORRUPT, SQLITE_NOTADB].includes(resultCode(error) ?? 0);
}

/** Whether the same write may succeed later. */
export function isPassing(error: unknown): boolean {
  return PASSING.has(resultCode(error) ?? 0);
}

/** The error as one that names the index; a `SyncError` stays what it is. */
export function indexError(file: string, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError(`the index ${file} failed: ${message}`, {
    op: 'index',
    key: file,
    retryable: !isDamage(error),
    cause: error,
    ...advice(file, error),
  });
}

function advice(file: string, error: unknown): { code: string; hint?: string } {
  if (isDamage(error)) {
    return {
      code: 'IndexCorrupt',
      hint: 'Start the agent again: it keeps the damaged file and builds another.',
    };
  }
  if (resultCode(error) === SQLITE_IOERR) {
    const hint =
      'Check the disk. If the file stays unreadable, move it away: then a new one is built from the folder.';
    return { code: 'IndexFailed', hint };
  }
  if (resultCode(error) === SQLITE_CANTOPEN) {
    const why = openFault(file);
    const hint = `Its directory must be there and the agent may write in it${why === '' ? '.' : `; the system says ${why}.`}`;
    return { code: 'IndexFailed', hint };
  }
  if (resultCode(error) !== SQLITE_FULL) return { code: 'IndexFailed' };
  return { code: 'IndexFull', hint: 'Make room on the file system of the index; it then goes on by itself.' };
}

/** SQLite does not tell why it cannot open or make a file, the system does. Empty: now it can. */
function openFault(file: string): string {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.message;
  }
  return '';
}

/** The low byte is the primary code, the rest says where. */
function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: number }).errcode : undefined;
  return code === undefined ? undefined : code & 0xff;
}
