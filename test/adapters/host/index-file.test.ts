/** What start-up makes of an index that is new, old, newer, foreign, lost or damaged. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { type HostIndex, openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from './folder.ts';
import { FINGERPRINT, rowOf, rowsOnDisk } from './index-rows.ts';

const PAGE_BYTES = 4096;
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

/** A closed index of a thousand files that had been looked at completely. */
function settledIndex(): string {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  for (let n = 0; n < 1000; n++) index.put(rowOf(`file-${n}`, { etag: `etag-of-${n}` }));
  index.completed();
  index.close();
  return file;
}

function reopen<T>(file: string, look: (index: HostIndex) => T): T {
  const index = openIndex(file);
  try {
    return look(index);
  } finally {
    index.close();
  }
}

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
  expect(versionOf(file)).toBe(2);
  expect(rowsOnDisk(file)).toBe(3);
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

test('a damaged index is kept aside and told, and a fresh one is begun', () => {
  const file = settledIndex();
  for (const n of [1, 2]) {
    writeFileSync(file, `no database at all ${n}`.repeat(100));
    const index = openIndex(file);
    expect(index.quarantined).toMatchObject({ code: 'IndexCorrupt', key: file });
    expect(index.fresh).toBe('rebuilt');
    expect(readFileSync(`${file}.corrupt-${n}`, 'utf8')).toContain(`no database at all ${n}`);
    index.put(rowOf());
    index.close();
    expect(rowsOnDisk(file)).toBe(1);
  }
});

const DAMAGES: [string, (file: string) => void][] = [
  ['pages overwritten', (file) => overwrite(file, 3 * PAGE_BYTES, Buffer.alloc(2 * PAGE_BYTES, 0x5a))],
  ['a page zeroed', (file) => overwrite(file, 4 * PAGE_BYTES, Buffer.alloc(PAGE_BYTES))],
  ['a bit flipped in how a table is declared', (file) => flipBitIn(file, 'mtime_ns')],
  ['cut off within a page', (file) => truncateSync(file, 10 * PAGE_BYTES + 100)],
  ['cut off after a page', (file) => truncateSync(file, 10 * PAGE_BYTES)],
  ['cut off within the first page', (file) => truncateSync(file, 50)],
];

test.each(DAMAGES)(
  '%s: the file is kept aside at start, and deletes wait for the rebuild',
  (_name, damage) => {
    const file = settledIndex();
    damage(file);
    const index = openIndex(file);
    expect(index.quarantined).toMatchObject({ code: 'IndexCorrupt' });
    expect(index.fresh).toBe('rebuilt');
    expect(existsSync(`${file}.corrupt-1`)).toBe(true);
    expect(index.counts('out').synced).toBe(0);
    index.close();
  },
);

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

test('a damaged index of a version that kept no name of the installation is no first one either', () => {
  const file = settledIndex();
  rmSync(`${file}.id`);
  writeFileSync(file, 'no database at all');
  expect(reopen(file, ({ fresh }) => fresh)).toBe('rebuilt');
});

test('a journal whose database is lost is kept aside', () => {
  const file = settledIndex();
  const index = openIndex(file);
  index.put(rowOf('in the journal'));
  index.flush();
  const journal = readFileSync(`${file}-wal`);
  index.close();
  rmSync(file);
  writeFileSync(`${file}-wal`, journal);
  const fresh = openIndex(file);
  expect(fresh).toMatchObject({ fresh: 'rebuilt', quarantined: { code: 'IndexCorrupt' } });
  expect(readFileSync(`${file}.corrupt-1-wal`).equals(journal)).toBe(true);
  fresh.close();
});

test('the index of another installation is not trusted with deletes', () => {
  const [ours, theirs] = [settledIndex(), settledIndex()];
  writeFileSync(ours, readFileSync(theirs));
  expect(reopen(ours, ({ fresh }) => fresh)).toBe('rebuilt');
  reopen(ours, (index) => index.completed());
  expect(reopen(ours, ({ fresh }) => fresh)).toBeUndefined();
});

test('a flipped bit is found when the row is read, and the next start begins afresh', () => {
  const file = settledIndex();
  // quick_check, and even integrity_check, pass: the bit is in a value that no index has.
  flipBitIn(file, 'etag-of-500');
  const index = openIndex(file);
  expect(index.quarantined).toBeUndefined();
  expect(index.get('out', Buffer.from('file-499'))).toEqual(rowOf('file-499', { etag: 'etag-of-499' }));
  const corrupt = expect.objectContaining({ code: 'IndexCorrupt', retryable: false, key: file });
  expect(() => index.get('out', Buffer.from('file-500'))).toThrow(corrupt);
  expect(() => [...index.below('out', Buffer.alloc(0))]).toThrow(corrupt);
  index.close();
  expect(reopen(file, ({ fresh, quarantined }) => [fresh, quarantined?.code])).toEqual([
    'rebuilt',
    'IndexCorrupt',
  ]);
  expect(rowsOnDisk(`${file}.corrupt-1`)).toBe(1000);
});

test('no single flipped bit of the file is taken for what was written', () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  const written = Array.from({ length: 40 }, (_, n) => rowOf(`file-${n}`, { etag: `etag-of-${n}` }));
  for (const row of written) index.put(row);
  index.completed();
  index.close();
  const whole = readFileSync(file);
  const known = new Set(written.map(textOf));
  for (let bit = 5; bit < whole.length * 8; bit += 12007) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const folder = temporaryFolder();
    const copy = join(folder, 'index.db');
    writeFileSync(copy, bytes);
    for (const path of pathsRead(copy)) expect(known.has(path), `bit ${bit}`).toBe(true);
    rmSync(folder, { recursive: true });
  }
});

/** Every row that an index with a flipped bit is willing to give. */
function pathsRead(file: string): string[] {
  const rows: string[] = [];
  try {
    reopen(file, (index) => {
      for (const row of index.below('out', Buffer.alloc(0))) rows.push(textOf(row));
    });
  } catch (error) {
    expect(error).toMatchObject({ name: 'SyncError', op: 'index' });
  }
  return rows;
}

function textOf(row: object): string {
  return JSON.stringify(row, (_name, value) => (typeof value === 'bigint' ? String(value) : value));
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, at);
  writeFileSync(file, content);
}

function flipBitIn(file: string, text: string): void {
  const content = readFileSync(file);
  const at = content.indexOf(text);
  expect(at).toBeGreaterThan(0);
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  writeFileSync(file, content);
}
