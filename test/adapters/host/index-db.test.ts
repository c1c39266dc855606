import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type IndexRow, openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from './folder.ts';

const BYTES = Buffer.from([0x64, 0x2f, 0xff, 0x00, 0xfe]);

function row(change: Partial<IndexRow> = {}): IndexRow {
  return {
    folder: 'out',
    path: Buffer.from('a'),
    dev: 2n ** 64n - 1n,
    ino: 2n ** 63n + 5n,
    sizeBytes: 5_000_000_000_000,
    mtimeNs: 1_763_000_000_123_456_789n,
    ctimeNs: 1_763_000_000_987_654_321n,
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    etag: 'e',
    versionId: 'v',
    state: 'synced',
    attempts: 0,
    nextAttemptMs: 0,
    lastError: '',
    ...change,
  };
}

function rowsOnDisk(file: string): number {
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(reader.prepare('SELECT count(*) AS count FROM files').get()?.count);
  } finally {
    reader.close();
  }
}

test('rows survive a reopen, with every byte of the path and every digit of the numbers', () => {
  const file = join(temporaryFolder(), 'index.db');
  const first = openIndex(file);
  expect(first.quarantined).toBeUndefined();
  first.put(row({ path: BYTES }));
  first.put(row({ path: Buffer.from('gone') }));
  first.remove('out', Buffer.from('gone'));
  first.close();
  const second = openIndex(file);
  expect(second.get('out', BYTES)).toEqual(row({ path: BYTES }));
  expect(second.get('out', Buffer.from('gone'))).toBeUndefined();
  expect(second.get('other', BYTES)).toBeUndefined();
  second.close();
});

test('writes are seen at once and on disk after the tick, after 100 rows or after flush', async () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  const put = (from: number, to: number) => {
    for (let n = from; n < to; n++) index.put(row({ path: Buffer.from(`${n}`) }));
  };
  put(0, 99);
  expect(index.get('out', Buffer.from('7'))).toBeDefined();
  expect(rowsOnDisk(file)).toBe(0);
  put(99, 100);
  expect(rowsOnDisk(file)).toBe(100);
  put(100, 110);
  index.flush();
  expect(rowsOnDisk(file)).toBe(110);
  put(110, 120);
  await turn();
  expect(rowsOnDisk(file)).toBe(120);
  index.close();
});

test('unsettled rows come in the order they are due, and counts tell the states of one folder', () => {
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  const names = ['late', 'soon', 'parked', 'done'];
  const changes: Partial<IndexRow>[] = [
    { state: 'waiting', nextAttemptMs: 2_000_000_000_000.7, attempts: 3, lastError: 'refused' },
    { state: 'waiting', nextAttemptMs: 1_000 },
    { state: 'parked' },
    {},
  ];
  for (const [n, name] of names.entries()) index.put(row({ ...changes[n], path: Buffer.from(name) }));
  index.put(row({ folder: 'other', state: 'waiting' }));
  const unsettled = index.unsettled('out');
  expect(unsettled.map(({ path }) => path.toString())).toEqual(['parked', 'soon', 'late']);
  expect(unsettled[2]).toMatchObject({ attempts: 3, lastError: 'refused', nextAttemptMs: 2_000_000_000_001 });
  expect(index.counts('out')).toEqual({ synced: 1, waiting: 2, parked: 1 });
  expect(index.counts('none')).toEqual({ synced: 0, waiting: 0, parked: 0 });
  index.close();
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
    expect(readFileSync(file).equals(before)).toBe(true);
    // SQLite's read-only look may leave an empty journal beside it.
    const beside = readdirSync(folder).filter((name) => name.endsWith('-wal'));
    for (const name of beside) expect(readFileSync(join(folder, name))).toHaveLength(0);
  }
});

test('a damaged index is kept aside and told, and a fresh one is begun', () => {
  const file = join(temporaryFolder(), 'index.db');
  for (const n of [1, 2]) {
    writeFileSync(file, `no database at all ${n}`.repeat(100));
    const index = openIndex(file);
    expect(index.quarantined).toMatchObject({ code: 'IndexCorrupt', key: file });
    expect(readFileSync(`${file}.corrupt-${n}`, 'utf8')).toContain(`no database at all ${n}`);
    index.put(row());
    index.close();
    expect(rowsOnDisk(file)).toBe(1);
  }
});

test('a page overwritten in the middle is found at the next start', () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  for (let n = 0; n < 1000; n++) index.put(row({ path: Buffer.from(`${n}`) }));
  index.close();
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 4096 * 3, 4096 * 5);
  writeFileSync(file, bytes);
  const fresh = openIndex(file);
  expect(fresh.quarantined?.code).toBe('IndexCorrupt');
  expect(existsSync(`${file}.corrupt-1`)).toBe(true);
  expect(fresh.counts('out').synced).toBe(0);
  fresh.close();
});

test('a database that fails says so as a SyncError that names the index', () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  index.close();
  expect(() => index.get('out', BYTES)).toThrow(
    expect.objectContaining({ name: 'SyncError', op: 'index', key: file }),
  );
  expect(() => openIndex(join(file, 'below'))).toThrow(expect.objectContaining({ name: 'SyncError' }));
});
