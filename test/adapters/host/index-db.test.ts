import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HostIndex, type IndexRow, openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from './folder.ts';
import { FINGERPRINT, rowOf, rowsOnDisk } from './index-rows.ts';

const BYTES = Buffer.from([0x64, 0x2f, 0xff, 0x00, 0xfe]);

function emptyIndex(): HostIndex {
  return openIndex(join(temporaryFolder(), 'index.db'));
}

const names = (rows: Iterable<IndexRow>) => [...rows].map(({ path }) => path.toString());

test('rows survive a reopen, with every byte of the path and every digit of the numbers', () => {
  const file = join(temporaryFolder(), 'index.db');
  const row = rowOf(BYTES, { partBytes: 16 * 1024 * 1024, state: 'held', lastError: 'ü\0' });
  const first = openIndex(file);
  expect(first.quarantined).toBeUndefined();
  first.put(row);
  first.put(rowOf('gone'));
  first.remove('out', Buffer.from('gone'));
  first.close();
  const second = openIndex(file);
  expect(second.get('out', BYTES)).toEqual(row);
  expect(second.get('out', Buffer.from('gone'))).toBeUndefined();
  expect(second.get('other', BYTES)).toBeUndefined();
  second.close();
});

test('writes are seen at once and on disk within 50 ms, after 1,000 of them or after flush', async () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  const put = (from: number, to: number) => {
    for (let n = from; n < to; n++) index.put(rowOf(`${n}`));
  };
  put(0, 999);
  expect(index.get('out', Buffer.from('7'))).toBeDefined();
  expect(rowsOnDisk(file)).toBe(0);
  put(999, 1000);
  expect(rowsOnDisk(file)).toBe(1000);
  put(1000, 1010);
  index.flush();
  expect(rowsOnDisk(file)).toBe(1010);
  put(1010, 1020);
  await expect.poll(() => rowsOnDisk(file)).toBe(1020);
  index.close();
});

test('unsettled rows come in the order they are due, and retryNow makes those that wait due', () => {
  const index = emptyIndex();
  index.put(rowOf('late', { state: 'waiting', nextAttemptMs: 2_000_000_000_000.7, attempts: 3 }));
  index.put(rowOf('soon', { state: 'waiting', nextAttemptMs: 1_000 }));
  index.put(rowOf('parked', { state: 'parked', nextAttemptMs: 500 }));
  index.put(rowOf('held', { state: 'held', nextAttemptMs: 700 }));
  index.put(rowOf('done'));
  index.put(rowOf('theirs', { folder: 'other', state: 'waiting', nextAttemptMs: 5 }));
  const unsettled = index.unsettled('out');
  expect(names(unsettled)).toEqual(['parked', 'held', 'soon', 'late']);
  expect(unsettled[3]).toMatchObject({ attempts: 3, nextAttemptMs: 2_000_000_000_001 });
  expect(index.retryNow('out')).toBe(2);
  expect(names(index.unsettled('out'))).toEqual(['late', 'soon', 'parked', 'held']);
  expect(index.get('out', Buffer.from('late'))).toMatchObject({ attempts: 3, nextAttemptMs: 0 });
  expect(index.get('out', Buffer.from('parked'))?.nextAttemptMs).toBe(500);
  expect(index.get('other', Buffer.from('theirs'))?.nextAttemptMs).toBe(5);
  index.close();
});

test('below answers exactly the rows strictly below a directory, in byte order of path', () => {
  const bytes = fc
    .uint8Array({ minLength: 1, maxLength: 3 })
    .map((some) => Buffer.from(some.map((n) => n % 4)));
  // Few different bytes, those around the slash among them, so that paths are often below one another.
  const path = bytes.map((some) => Buffer.from([...some].map((n) => [0x2e, 0x2f, 0x30, 0xff][n] ?? 0)));
  const index = emptyIndex();
  fc.assert(
    fc.property(fc.array(path), path, (paths, directory) => {
      const folder = `f-${Math.random()}`;
      for (const one of paths) index.put(rowOf(one, { folder }));
      const below = Buffer.concat([directory, Buffer.from('/')]);
      const unique = [...new Map(paths.map((one) => [one.toString('hex'), one])).values()];
      const sorted = unique.sort(Buffer.compare).map((one) => one.toString('hex'));
      const expected = sorted.filter(
        (hex) => hex.startsWith(below.toString('hex')) && hex.length > below.length * 2,
      );
      const found = [...index.below(folder, directory)].map((row) => row.path.toString('hex'));
      expect(found).toEqual(expected);
      const all = [...index.below(folder, Buffer.alloc(0))].map((row) => row.path.toString('hex'));
      expect(all).toEqual(sorted);
    }),
  );
  index.close();
});

test('rows may be written and removed while below runs: those that stay are each seen once', () => {
  const index = emptyIndex();
  const name = (n: number) => `d/${String(n).padStart(5, '0')}`;
  for (let n = 0; n < 3000; n++) index.put(rowOf(name(n)));
  const seen: string[] = [];
  for (const row of index.below('out', Buffer.from('d'))) {
    seen.push(row.path.toString());
    index.put({ ...row, etag: 'again' });
    index.put(rowOf(`before/${seen.length}`));
    if (seen.length % 3 === 0) index.remove('out', row.path);
    if (seen.length === 1000) index.remove('out', Buffer.from(name(2500)));
  }
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, n) => name(n)).filter((one) => one !== name(2500)));
  index.close();
});

test('byInode answers the names of one file, in one folder and on one device', () => {
  const index = emptyIndex();
  index.put(rowOf('b'));
  index.put(rowOf('a'));
  index.put(rowOf('c', { ino: 7n }));
  index.put(rowOf('d', { dev: 7n }));
  index.put(rowOf('e', { folder: 'other' }));
  expect(names(index.byInode('out', FINGERPRINT.dev, FINGERPRINT.ino))).toEqual(['a', 'b']);
  index.put(rowOf('b', { ino: 7n }));
  expect(names(index.byInode('out', FINGERPRINT.dev, 7n))).toEqual(['b', 'c']);
  index.close();
});

test('counts tell the states of one folder after any sequence of writes', () => {
  const state = fc.constantFrom<IndexRow['state']>('synced', 'waiting', 'parked', 'held');
  const step = fc.record({
    path: fc.constantFrom('a', 'b', 'c'),
    state: fc.option(state),
    look: fc.boolean(),
  });
  const index = emptyIndex();
  let run = 0;
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const folder = `f-${run++}`;
      const model = new Map<string, IndexRow['state']>();
      const expected = () => {
        const counts = { synced: 0, waiting: 0, parked: 0, held: 0 };
        for (const one of model.values()) counts[one]++;
        return counts;
      };
      for (const { path, state: next, look } of steps) {
        if (next === null) {
          index.remove(folder, Buffer.from(path));
          model.delete(path);
        } else {
          index.put(rowOf(path, { folder, state: next }));
          model.set(path, next);
        }
        if (look) expect(index.counts(folder)).toEqual(expected());
      }
      expect(index.counts(folder)).toEqual(expected());
    }),
  );
  index.close();
});

test('notes are kept over a restart until they are taken back', () => {
  const file = join(temporaryFolder(), 'index.db');
  const first = openIndex(file);
  expect(first.note('folder/out')).toBeUndefined();
  first.setNote('folder/out', 'dev 1');
  first.setNote('folder/out', 'dev 2');
  const second = openIndex(file);
  expect(second.note('folder/out')).toBe('dev 2');
  second.setNote('folder/out', undefined);
  expect(first.note('folder/out')).toBeUndefined();
  first.close();
  second.close();
});

test('a row that SQLite refuses takes no other row with it', () => {
  const file = join(temporaryFolder(), 'index.db');
  const index = openIndex(file);
  const refused = () =>
    expect(() => index.put(rowOf('a', { state: 'lost' as IndexRow['state'] }))).toThrow(
      expect.objectContaining({ name: 'SyncError', code: 'IndexFailed' }),
    );
  refused();
  index.put(rowOf('a', { state: 'parked' }));
  expect(index.counts('out').parked).toBe(1);
  refused();
  index.put(rowOf('after'));
  index.flush();
  expect(index.counts('out')).toEqual({ synced: 1, waiting: 0, parked: 1, held: 0 });
  expect(rowsOnDisk(file)).toBe(2);
  index.close();
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
