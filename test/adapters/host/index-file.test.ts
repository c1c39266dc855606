/** What start-up makes of an index that is new, old, newer, foreign or lost. */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from './folder.ts';
import { FINGERPRINT, reopen, rowOf, rowsOnDisk, settledIndex } from './index-rows.ts';

/** As the first version of Sluice made it. */
const VERSION_1 = `CREATE TABLE files (
  folder TEXT NOT NULL, path BLOB NOT NULL,
  dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  md5 TEXT NOT NULL, etag TEXT NOT NULL, version_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('synced', 'waiting', 'parked')),
  attempts INTEGER NOT NULL, next_attempt_ms INTEGER NOT NULL, last_error TEXT NOT NULL,
  PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE INDEX files_by_state ON files (folder, state, next_attempt_ms);
PRAGMA user_version = 1`;

/** The second kept the state of a file in columns of their own. */
const VERSION_2 = `CREATE TABLE files (
  folder TEXT NOT NULL, path BLOB NOT NULL,
  dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  md5 TEXT NOT NULL, etag TEXT NOT NULL, version_id TEXT NOT NULL, part_bytes INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('synced', 'waiting', 'parked', 'held')),
  attempts INTEGER NOT NULL, next_attempt_ms INTEGER NOT NULL, last_error TEXT NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE INDEX files_unsettled ON files (folder, next_attempt_ms) WHERE state <> 'synced';
CREATE INDEX files_by_inode ON files (ino);
CREATE TABLE uploads (
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
CREATE TABLE requests (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, folder TEXT NOT NULL);
PRAGMA user_version = 2`;

function versionOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  database.close();
  return version;
}

test('an index is fresh until everything has been looked at, however often it is opened', () => {
  const file = join(temporaryFolder(), 'index.db');
  expect(reopen(file, ({ fresh }) => fresh)).toBe('first');
  expect(reopen(file, ({ fresh }) => fresh)).toBe('first');
  reopen(file, (index) => index.completed());
  expect(reopen(file, ({ fresh }) => fresh)).toBeUndefined();
});

test('an index of version 1 is carried over with all its rows', () => {
  const file = join(temporaryFolder(), 'index.db');
  const old = new DatabaseSync(file);
  old.exec(`PRAGMA journal_mode = WAL; ${VERSION_1}`);
  const insert = old.prepare(`INSERT INTO files VALUES (${'?, '.repeat(13)}?)`);
  const { sizeBytes, mtimeNs, ctimeNs } = FINGERPRINT;
  for (const path of ['a', 'b']) {
    const numbers = [-1n, -(2n ** 63n) + 5n, sizeBytes, mtimeNs, ctimeNs];
    insert.run('out', Buffer.from(path), ...numbers, 'm', 'e', 'v', 'waiting', 2, 7, 'refused');
  }
  old.close();
  reopen(file, (index) => {
    const expected = {
      md5: 'm',
      state: 'waiting',
      attempts: 2,
      nextAttemptMs: 7,
      lastError: 'refused',
    } as const;
    expect(index.get('out', Buffer.from('a'))).toEqual(rowOf('a', expected));
    expect(index.get('out', Buffer.from('b'))).toEqual(rowOf('b', expected));
    expect(index.fresh).toBeUndefined();
    index.put(rowOf('c', { state: 'held' }));
    expect(index.counts('out')).toEqual({ synced: 0, waiting: 2, parked: 0, held: 1 });
  });
  expect(versionOf(file)).toBe(3);
  expect(rowsOnDisk(file)).toBe(3);
});

test('an index of version 2 is carried over with its rows, uploads and notes', () => {
  const file = join(temporaryFolder(), 'index.db');
  const old = new DatabaseSync(file);
  old.exec(`PRAGMA journal_mode = WAL; ${VERSION_2}`);
  const { sizeBytes, mtimeNs, ctimeNs } = FINGERPRINT;
  const numbers = [-1n, -(2n ** 63n) + 5n, sizeBytes, mtimeNs, ctimeNs];
  old
    .prepare(`INSERT INTO files VALUES (${'?, '.repeat(15)}?)`)
    .run('out', Buffer.from('a'), ...numbers, 'm', 'e', 'v', 5, 'held', 2, 7, 'refused', 0);
  old
    .prepare(`INSERT INTO uploads VALUES (${'?, '.repeat(9)}?)`)
    .run('out', Buffer.from('big'), ...numbers, 'key', 'id', 5);
  old.exec("INSERT INTO notes VALUES ('kept', 'yes')");
  old.close();
  reopen(file, (index) => {
    const held = { md5: 'm', partBytes: 5, state: 'held', attempts: 2, nextAttemptMs: 7 } as const;
    expect(index.get('out', Buffer.from('a'))).toEqual(rowOf('a', { ...held, lastError: 'refused' }));
    expect(index.byInode('out', FINGERPRINT.dev, FINGERPRINT.ino)).toHaveLength(1);
    expect(index.uploads('out')).toMatchObject([{ ...FINGERPRINT, key: 'key', uploadId: 'id' }]);
    expect([index.note('kept'), index.fresh]).toEqual(['yes', undefined]);
  });
  expect(versionOf(file)).toBe(3);
});

test('a version 1 that cannot be carried over stays as it is', () => {
  const file = join(temporaryFolder(), 'index.db');
  const old = new DatabaseSync(file);
  old.exec(
    `${VERSION_1}; INSERT INTO files VALUES ('out', x'61', 1, 1, 1, 1, 1, '', '', '', 'synced', 0, 0, '')`,
  );
  // Only a foreign hand makes such a table; it stands for a disk that is full half-way.
  old.exec('CREATE TABLE parts (x)');
  old.close();
  expect(() => openIndex(file)).toThrow(expect.objectContaining({ code: 'IndexFailed' }));
  expect(versionOf(file)).toBe(1);
  expect(rowsOnDisk(file)).toBe(1);
});

test('an index of a newer version, or of another program, is refused and not changed', () => {
  for (const [statement, code] of [
    ['PRAGMA user_version = 99', 'IndexTooNew'],
    ['CREATE TABLE theirs (x)', 'IndexForeign'],
  ] as const) {
    const folder = temporaryFolder();
    const file = join(folder, 'index.db');
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA journal_mode = WAL; ${statement}`);
    database.close();
    const before = readFileSync(file);
    expect(() => openIndex(file)).toThrow(expect.objectContaining({ code, retryable: false }));
    expect(() => openIndex(file, { beside: true })).toThrow(expect.objectContaining({ code }));
    expect(readFileSync(file).equals(before)).toBe(true);
    // SQLite's read-only look may leave an empty journal beside it.
    const beside = readdirSync(folder).filter((name) => name.endsWith('-wal'));
    for (const name of beside) expect(readFileSync(join(folder, name))).toHaveLength(0);
  }
});

test('an index that is missing or empty is told from a first one', () => {
  for (const lose of [rmSync, (file: string) => truncateSync(file)]) {
    const file = settledIndex();
    lose(file);
    expect(reopen(file, ({ fresh, quarantined }) => ({ fresh, quarantined }))).toEqual({ fresh: 'rebuilt' });
    expect(reopen(file, ({ fresh }) => fresh)).toBe('rebuilt');
    reopen(file, (index) => index.completed());
    expect(reopen(file, ({ fresh }) => fresh)).toBeUndefined();
  }
});

test('the index of another installation is not trusted with deletes', () => {
  const [ours, theirs] = [settledIndex(), settledIndex()];
  writeFileSync(ours, readFileSync(theirs));
  expect(reopen(ours, ({ fresh }) => fresh)).toBe('rebuilt');
  reopen(ours, (index) => index.completed());
  expect(reopen(ours, ({ fresh }) => fresh)).toBeUndefined();
});

test('an index that cannot be opened says what the system says of it', () => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'file'), '');
  const file = join(directory, 'file/index.db');
  expect(() => openIndex(file)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(file),
      hint: expect.stringContaining('ENOTDIR'),
    }),
  );
});
