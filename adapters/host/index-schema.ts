/** The tables of the index, and how an older index becomes one of this version. */
import { DatabaseSync } from 'node:sqlite';
import { carryOver } from './index-versions.ts';
import { INODE_BYTES } from './stamp.ts';

export const VERSION = 3;

/** Which file a row is of, for `files_by_inode` and those who use it: device and inode. */
export const ROW_INODE = `substr(stamp, 1, ${INODE_BYTES})`;
/** Only rows that are not settled are indexed by state: of a million files, next to all are `synced`. */
const FILES = `CREATE TABLE files (
  folder TEXT NOT NULL, path BLOB NOT NULL, stamp BLOB NOT NULL,
  md5 TEXT NOT NULL, etag TEXT NOT NULL, version_id TEXT NOT NULL, part_bytes INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('synced', 'waiting', 'parked', 'held')),
  attempts INTEGER NOT NULL, next_attempt_ms INTEGER NOT NULL, last_error TEXT NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE INDEX files_unsettled ON files (folder, next_attempt_ms) WHERE state <> 'synced';
CREATE INDEX files_by_inode ON files (${ROW_INODE})`;
const UPLOADS = `CREATE TABLE uploads (
  folder TEXT NOT NULL, path BLOB NOT NULL,
  dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  key TEXT NOT NULL, upload_id TEXT NOT NULL, part_bytes INTEGER NOT NULL,
  PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE TABLE parts (
  folder TEXT NOT NULL, path BLOB NOT NULL, part_number INTEGER NOT NULL, etag TEXT NOT NULL,
  PRIMARY KEY (folder, path, part_number)
) WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE requests (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, folder TEXT NOT NULL)`;

export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

/** Whether the tables are declared as this version does it, to the letter: their text is on the disk too. */
export function isOurSchema(database: DatabaseSync): boolean {
  const model = new DatabaseSync(':memory:');
  model.exec(`${FILES};${UPLOADS}`);
  const same = declarations(database) === declarations(model);
  model.close();
  return same;
}

function declarations(database: DatabaseSync): string {
  const all = database
    .prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name')
    .all();
  return JSON.stringify(all);
}

/** Makes the tables, or carries older ones over: in one transaction, so that a failure leaves what was. */
export function bringUpToDate(database: DatabaseSync, notes: Readonly<Record<string, string>>): void {
  const version = versionOf(database);
  if (version === VERSION) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    carryOver(database, version, { files: FILES, uploads: UPLOADS });
    const note = database.prepare('INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)');
    for (const [name, value] of Object.entries(notes)) note.run(name, value);
    database.exec(`PRAGMA user_version = ${VERSION}; COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
