/** The index's file: whether it is ours, whole and of this version; what is not whole is kept aside, never deleted. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { SyncError } from '#core/errors.ts';
import { Damage, indexError, requireWhole } from './index-error.ts';
import { bringUpToDate, isOurSchema, VERSION, versionOf } from './index-schema.ts';
import { type OpenFile, openOrSetAside } from './set-aside.ts';

/** Notes that only this file and `index-db.ts` know. */
export const NOTE = { fresh: 'index/fresh', damaged: 'index/damaged', installation: 'index/installation' };

/** For the other's write to end. Under a burst the agent writes all the time, and SQLite's lock knows no queue. */
const WAIT_MS = 5_000;
const BESIDE_WAIT_MS = 30_000;

/** Throws `SyncError` `IndexForeign` or `IndexTooNew` and leaves the file as it is when it is another's. */
export function openDatabase(file: string): OpenFile {
  const hint = 'Nothing is lost: a new index is built from the folder. Check the disk.';
  return openOrSetAside(file, 'index', (lost) => openWhole(file, lost), hint);
}

/**
 * For another process than the agent: creates, checks, migrates and moves nothing, because the agent may have the file
 * open. Throws `SyncError` `IndexAbsent` or `IndexTooOld` when the agent has yet to make it, and as `openDatabase`.
 */
export function openBeside(file: string): DatabaseSync {
  if (sizeOf(file) === 0) throw notYet(file, 'IndexAbsent', `the index ${file} does not exist yet`);
  let database: DatabaseSync | undefined;
  try {
    database = connect(file, BESIDE_WAIT_MS);
    refuseOthers(file, database);
    if (versionOf(database) === VERSION) return database;
    throw notYet(file, 'IndexTooOld', `the index ${file} is of an older version`);
  } catch (error) {
    database?.close();
    throw indexError(file, error);
  }
}

function openWhole(file: string, lost: boolean): DatabaseSync {
  const present = sizeOf(file) > 0;
  // SQLite would delete a journal without its database, and what is in it with it.
  if (!present && sizeOf(`${file}-wal`) > 0) throw new Damage('its journal is there, but the file is not');
  if (present) {
    const before = new DatabaseSync(readingUrl(file), { readOnly: true });
    try {
      refuseOthers(file, before);
    } finally {
      before.close();
    }
  }
  const database = connect(file, WAIT_MS);
  try {
    database.exec('PRAGMA journal_mode = WAL');
    refuseOthers(file, database);
    requireWhole(database);
    identify(file, database, lost);
    if (noteOf(database, NOTE.damaged) !== undefined) throw new Damage('a row was not what had been written');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** @param waitMs for another process that writes */
export function connect(file: string, waitMs: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: waitMs });
  database.exec('PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192');
  return database;
}

/**
 * An empty file opens as a fresh database, so what tells a lost index from a first one is kept beside it: the name of
 * this installation, which the index knows too.
 */
function identify(file: string, database: DatabaseSync, lost: boolean): void {
  const idFile = `${file}.id`;
  const known = existsSync(idFile) ? readFileSync(idFile, 'utf8') : undefined;
  const installation = known ?? randomUUID();
  const fresh = known === undefined && !lost ? 'first' : 'rebuilt';
  const created = versionOf(database) === 0;
  bringUpToDate(database, {
    [NOTE.installation]: installation,
    ...(created ? { [NOTE.fresh]: fresh } : {}),
  });
  if (!isOurSchema(database)) throw new Damage('its tables are not declared as they were');
  const noted = noteOf(database, NOTE.installation);
  if (known === undefined) {
    writeFileSync(`${idFile}.new`, noted ?? installation, { flush: true, mode: 0o600 });
    renameSync(`${idFile}.new`, idFile);
  } else if (noted !== known) {
    const note = database.prepare('INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)');
    note.run(NOTE.fresh, 'rebuilt');
    note.run(NOTE.installation, known);
  }
}

function noteOf(database: DatabaseSync, name: string): string | undefined {
  return database.prepare('SELECT value FROM notes WHERE name = ?').get(name)?.value as string | undefined;
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

function notYet(file: string, code: string, message: string): SyncError {
  const hint = 'Start the agent: it makes the index.';
  return new SyncError(message, { op: 'index', key: file, retryable: false, code, hint });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
