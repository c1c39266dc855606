/** The index's file: whether it is ours, whole and of this version; what is not whole is kept aside, never deleted. */
import { existsSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { SyncError } from '#core/errors.ts';

const VERSION = 1;
/** https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SCHEMA = `CREATE TABLE files (
  folder TEXT NOT NULL, path BLOB NOT NULL,
  dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  md5 TEXT NOT NULL, etag TEXT NOT NULL, version_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('synced', 'waiting', 'parked')),
  attempts INTEGER NOT NULL, next_attempt_ms INTEGER NOT NULL, last_error TEXT NOT NULL,
  PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE INDEX files_by_state ON files (folder, state, next_attempt_ms)`;

/** `quarantined` is set when a damaged file was moved aside. */
export function openDatabase(file: string): { database: DatabaseSync; quarantined: SyncError | undefined } {
  try {
    return { database: openWhole(file), quarantined: undefined };
  } catch (error) {
    if (!isDamage(error)) throw indexError(file, error);
    const aside = moveAside(file);
    const quarantined = new SyncError(`the index ${file} is damaged (${error.message}); kept as ${aside}`, {
      op: 'index',
      key: file,
      retryable: false,
      code: 'IndexCorrupt',
      hint: 'Nothing is lost: a new index is built from the folder. Check the disk.',
      cause: error,
    });
    return { database: openWhole(file), quarantined };
  }
}

/** The error as one that names the index; a `SyncError` stays what it is. */
export function indexError(file: string, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError(`the index ${file} failed: ${message}`, {
    op: 'index',
    key: file,
    retryable: !isDamage(error),
    code: isDamage(error) ? 'IndexCorrupt' : 'IndexFailed',
    cause: error,
  });
}

function openWhole(file: string): DatabaseSync {
  if (existsSync(file)) {
    const before = new DatabaseSync(readingUrl(file), { readOnly: true });
    try {
      refuseOthers(file, before);
    } finally {
      before.close();
    }
  }
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    refuseOthers(file, database);
    const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (check !== 'ok') throw new Damage(String(check));
    if (versionOf(database) === 0)
      database.exec(`BEGIN; ${SCHEMA}; PRAGMA user_version = ${VERSION}; COMMIT`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * For a look before opening to write, which would already checkpoint a newer version's journal. Without a journal even
 * a read-only look would leave one; `immutable` does not. https://sqlite.org/uri.html
 */
function readingUrl(file: string): URL {
  const url = pathToFileURL(file);
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1');
  return url;
}

function refuseOthers(file: string, database: DatabaseSync): void {
  const version = versionOf(database);
  const refusal = { op: 'index', key: file, retryable: false };
  if (version > VERSION) {
    throw new SyncError(`the index ${file} has version ${version}; this Sluice knows ${VERSION}`, {
      ...refusal,
      code: 'IndexTooNew',
      hint: 'Run the newer Sluice again, or give this one an index file of its own.',
    });
  }
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table'").get();
  if (version === 0 && Number(tables?.count) > 0) {
    throw new SyncError(`${file} is a database, but no index of Sluice`, {
      ...refusal,
      code: 'IndexForeign',
      hint: 'Correct the path of the index in agent.yaml.',
    });
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

class Damage extends Error {}

function isDamage(error: unknown): error is Error {
  if (error instanceof Damage) return true;
  const code = error instanceof Error ? (error as { errcode?: number }).errcode : undefined;
  // The low byte is the primary code, the rest says where.
  return code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff);
}

function moveAside(file: string): string {
  let n = 1;
  while (existsSync(`${file}.corrupt-${n}`)) n++;
  const aside = `${file}.corrupt-${n}`;
  renameSync(file, aside);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}
