/**
 * The file behind the agent's buckets: whether it is ours and whole. All of it can be had again from the listings of
 * the stores, so what is damaged is kept aside, visibly, and a full comparison builds it anew.
 */
import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { SyncError } from '#core/errors.ts';
import { Damage, indexError, requireWhole } from './index-error.ts';
import { connect } from './index-file.ts';
import { type OpenFile, openOrSetAside } from './set-aside.ts';

const VERSION = 1;
/** Of SQLite's header, so that no other program's database is taken for ours; "Slui". */
const APPLICATION_ID = 0x536c7569;
const WAIT_MS = 5_000;
const BESIDE_WAIT_MS = 30_000;

/** Keys are BLOBs: SQLite then compares their UTF-8 bytes, which is the order in which stores list them. */
const SCHEMA = `CREATE TABLE entries (
  bucket TEXT NOT NULL, key BLOB NOT NULL, revision INTEGER NOT NULL,
  entry TEXT NOT NULL, delivery TEXT NOT NULL, mirrors TEXT NOT NULL,
  PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE controls (
  bucket TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, revision INTEGER NOT NULL,
  PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE tasks (
  bucket TEXT NOT NULL, destination TEXT NOT NULL, key BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'parked', 'planned', 'held')),
  attempts INTEGER NOT NULL, next_attempt_ms INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (bucket, destination, key)
) WITHOUT ROWID;
CREATE INDEX tasks_by_state ON tasks (bucket, destination, state, next_attempt_ms);
CREATE TABLE requests (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, bucket TEXT NOT NULL);
CREATE TABLE damage (found TEXT NOT NULL)`;

/** Throws `SyncError` `IndexForeign` or `IndexTooNew` and leaves the file as it is when it is another's. */
export function openBucketsFile(file: string): OpenFile {
  const hint =
    'Nothing is lost: another is built by comparing the stores. Deletes that were held are asked for again. Check the disk.';
  return openOrSetAside(file, 'ledger', () => openWhole(file), hint);
}

/** For another process than the agent: creates, checks and moves nothing. Throws `IndexAbsent` when it is not there. */
export function openBucketsBeside(file: string): DatabaseSync {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    throw refusal(
      file,
      'IndexAbsent',
      `the ledger ${file} does not exist yet`,
      'Start the agent: it makes it.',
    );
  }
  let database: DatabaseSync | undefined;
  try {
    database = connect(file, BESIDE_WAIT_MS);
    refuseOthers(file, database);
    return database;
  } catch (error) {
    database?.close();
    throw indexError(file, error);
  }
}

/** The next start puts the file aside. */
export function noteDamage(database: DatabaseSync, what: string): void {
  database.prepare('INSERT INTO damage (found) VALUES (?)').run(what);
}

function openWhole(file: string): DatabaseSync {
  // SQLite would delete a journal without its database, and what is in it with it.
  if (!existsSync(file) && existsSync(`${file}-wal`)) {
    throw new Damage('its journal is there, but the file is not');
  }
  const database = connect(file, WAIT_MS);
  try {
    refuseOthers(file, database);
    database.exec('PRAGMA journal_mode = WAL');
    requireWhole(database);
    if (pragma(database, 'user_version') === 0) {
      database.exec(
        `BEGIN IMMEDIATE; ${SCHEMA}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}; COMMIT`,
      );
    }
    if (!isOurSchema(database)) throw new Damage('its tables are not declared as they were');
    const noted = database.prepare('SELECT found FROM damage').get();
    if (noted !== undefined) throw new Damage(String(noted.found));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function refuseOthers(file: string, database: DatabaseSync): void {
  const version = pragma(database, 'user_version');
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table'").get();
  if (Number(tables?.count) === 0 && version === 0) return;
  if (pragma(database, 'application_id') !== APPLICATION_ID) {
    const hint = 'Give the agent a state directory of its own.';
    throw refusal(file, 'IndexForeign', `${file} is a database, but not of Sluice's buckets`, hint);
  }
  if (version > VERSION) {
    const message = `the ledger ${file} has version ${version}; this Sluice knows ${VERSION}`;
    throw refusal(file, 'IndexTooNew', message, 'Run the newer Sluice again.');
  }
}

function isOurSchema(database: DatabaseSync): boolean {
  const model = new DatabaseSync(':memory:');
  model.exec(SCHEMA);
  const same = declarations(database) === declarations(model);
  model.close();
  return same;
}

function declarations(database: DatabaseSync): string {
  const all = database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name');
  return JSON.stringify(all.all());
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

function refusal(file: string, code: string, message: string, hint: string): SyncError {
  return new SyncError(message, { op: 'index', key: file, retryable: false, code, hint });
}
