/** What start-up and reading make of an index that the disk has damaged. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test, vi } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { Damage, isDamage, requireWhole, unlessUnread } from '#adapters/host/index-error.ts';
import { openOrSetAside } from '#adapters/host/set-aside.ts';
import { temporaryFolder } from './folder.ts';
import { reopen, rowOf, rowsOnDisk, settledIndex } from './index-rows.ts';

const PAGE_BYTES = 4096;

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

test('an index whose first page could not be read once, which SQLite calls damaged, is not thrown away', () => {
  const file = settledIndex();
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementationOnce(() => {
    throw Object.assign(new Error('database disk image is malformed'), { errcode: 11 });
  });
  const index = openIndex(file);
  expect(index.quarantined).toBeUndefined();
  expect(index.counts('out').synced).toBeGreaterThan(0);
  index.close();
});

test('a file that cannot be read is not called damaged', () => {
  const directory = temporaryFolder();
  const malformed = () => {
    throw Object.assign(new Error('database disk image is malformed'), { errcode: 11 });
  };
  expect(() => unlessUnread(directory, malformed)).toThrow('EISDIR');
  expect(() => unlessUnread(join(directory, 'absent'), malformed)).toThrow('malformed');
});

test('when no other can be begun in place of a damaged file, the error names the file', () => {
  const file = join(temporaryFolder(), 'index.db');
  writeFileSync(file, 'no database at all');
  const open = (lost: boolean) => {
    if (!lost) throw new Damage('not a database');
    throw Object.assign(new Error('unable to open database file'), { errcode: 14 });
  };
  const refusal = expect.objectContaining({ key: file, message: expect.stringContaining(file) });
  expect(() => openOrSetAside(file, 'index', open, '')).toThrow(refusal);
  expect(readFileSync(`${file}.corrupt-1`, 'utf8')).toBe('no database at all');
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

test.each([
  ['Tree 8 page 8: unable to get the page. error code=8458', false],
  ['Tree 8 page 8: unable to get the page. error code=10', false],
  ['Tree 8 page 8: unable to get the page. error code=11', true],
  ['Tree 2 page 2 cell 0: 2nd reference to page 5', true],
])('what a check says, %s: damaged: %s', (check, damaged) => {
  const database = { prepare: () => ({ get: () => ({ quick_check: check }) }) } as unknown as DatabaseSync;
  let found: unknown;
  try {
    requireWhole(database);
  } catch (error) {
    found = error;
  }
  expect(found).toMatchObject({ message: check });
  expect(isDamage(found)).toBe(damaged);
});
