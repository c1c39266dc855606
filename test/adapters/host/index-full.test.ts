/** A disk without room: a real one, of 600 KiB, mounted where only a child process sees it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { createBatch } from '#adapters/host/index-batch.ts';
import { temporaryFolder } from './folder.ts';
import { startMounted } from './mounted.ts';

const MODULE = join(import.meta.dirname, '../../../adapters/host/index-db.ts');
const SCRIPT = `
  const { openIndex } = await import(process.argv[1]);
  const { rmSync, writeFileSync } = await import('node:fs');
  const { setTimeout } = await import('node:timers/promises');
  const { DatabaseSync } = await import('node:sqlite');
  const directory = process.argv[2];
  writeFileSync(directory + '/ballast', Buffer.alloc(150 * 1024));
  const index = openIndex(directory + '/index.db');
  const row = (n) => ({
    folder: 'out', path: Buffer.from('file-' + n), dev: 1n, ino: 1n, sizeBytes: n, mtimeNs: 1n, ctimeNs: 1n,
    md5: 'm'.repeat(32), etag: '', versionId: '', partBytes: 0, state: 'synced', attempts: 0, nextAttemptMs: 0,
    lastError: '',
  });
  const whole = () => [...index.below('out', Buffer.alloc(0))].length;
  const rowsOnDisk = () => {
    const reader = new DatabaseSync(directory + '/index.db', { readOnly: true });
    const { count } = reader.prepare('SELECT count(*) AS count FROM files').get();
    reader.close();
    return count;
  };
  let kept = 0;
  const fill = () => {
    try {
      for (let n = kept; n < 100000; n += 10) {
        for (let more = n; more < n + 10; more++) index.put(row(more));
        index.flush();
        kept = n + 10;
      }
    } catch (error) {
      return { name: error.name, code: error.code, retryable: error.retryable };
    }
  };
  const full = fill();
  const again = fill();
  const atFull = { kept, whole: whole(), counted: index.counts('out').synced };
  // Accepted, and taken back by a commit that nobody waits for: the next call throws that.
  let last = kept + 9;
  for (let refused = false; !refused; ) {
    try {
      index.put(row(++last));
      await setTimeout(2);
    } catch {
      refused = true;
    }
  }
  const known = index.get('out', row(last).path) !== undefined;
  // Whoever reads does not hear of it; who asks for requests does, and once while nothing is new.
  index.put(row(++last));
  let told = 0;
  const before = performance.now();
  while (told === 0 || performance.now() < before + 200) {
    whole();
    try {
      index.takeRequests();
    } catch {
      told++;
    }
    await setTimeout(2);
  }
  const late = { told, known, missing: last + 1 - whole(), onDisk: rowsOnDisk() };
  rmSync(directory + '/ballast');
  for (let n = last; n < kept + 150; n++) index.put(row(n));
  index.flush();
  index.close();
  const reopened = openIndex(directory + '/index.db');
  const after = { rows: [...reopened.below('out', Buffer.alloc(0))].length, quarantined: reopened.quarantined };
  console.log(JSON.stringify({ full, again, atFull, late, after }));
`;

test('a full disk fails the write, and every row is known all the same and on the disk when there is room', async () => {
  const directory = temporaryFolder();
  const result = JSON.parse(await startMounted(directory, '600k', SCRIPT, MODULE, directory).line());
  const { kept } = result.atFull;
  expect(kept).toBeGreaterThan(100);
  expect(result.full).toEqual({ name: 'SyncError', code: 'IndexFull', retryable: true });
  expect(result.again).toEqual(result.full);
  expect(result.atFull).toEqual({ kept, whole: kept + 10, counted: kept + 10 });
  expect(result.late).toEqual({ told: 1, known: true, missing: 0, onDisk: kept });
  expect(result.after).toEqual({ rows: kept + 150 });
});

// https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
test('writes go on after SQLite has ended a transaction by itself', () => {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE t (n)');
  let lost = 0;
  const batch = createBatch('index.db', database, { onLost: () => lost++, onDamage: () => undefined });
  const insert = (n: number) => database.prepare('INSERT INTO t VALUES (?)').run(n);
  batch.write(() => insert(1));
  const ended = () => {
    database.exec('ROLLBACK');
    throw new Error('full');
  };
  expect(() => batch.write(ended)).toThrow(expect.objectContaining({ name: 'SyncError', retryable: true }));
  expect(lost).toBe(1);
  batch.write(() => insert(2));
  batch.writeNow(() => insert(3));
  expect(database.isTransaction).toBe(false);
  expect(database.prepare('SELECT n FROM t').all()).toEqual([{ n: 2 }, { n: 3 }]);
  database.close();
});

const PAGE_BYTES = 4096;
const rest = { onLost: () => undefined, onDamage: () => undefined };

/** A database without room for what is longer than some bytes. */
function fullDatabase() {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)');
  const pages = (most: number) => database.exec(`PRAGMA max_page_count = ${most}`);
  pages(2);
  return {
    database,
    put: (n: number, text: string) => () =>
      database.prepare('INSERT OR REPLACE INTO t VALUES (?, ?)').run(n, text),
    texts: () => database.prepare('SELECT n, length(text) AS bytes FROM t ORDER BY n').all(),
    room: () => pages(1000),
  };
}

const full = expect.objectContaining({ code: 'IndexFull' });
const LONG = 'x'.repeat(4 * PAGE_BYTES);

test('what a full disk has refused is done before anything newer', () => {
  const { database, put, texts, room } = fullDatabase();
  const batch = createBatch('index.db', database, { ...rest, owes: true });
  batch.write(put(1, 'short'));
  expect(() => batch.write(put(2, LONG))).toThrow(full);
  expect(() => batch.write(put(1, LONG))).toThrow(full);
  expect(() => batch.read(texts)).toThrow(full);
  expect(() => batch.flush()).toThrow(full);
  room();
  batch.write(put(2, 'newer'));
  batch.flush();
  expect(database.isTransaction).toBe(false);
  expect(texts()).toEqual([
    { n: 1, bytes: LONG.length },
    { n: 2, bytes: 'newer'.length },
  ]);
});

test('what was to be on the disk at once, and was refused, is not done later', () => {
  const { database, put, texts, room } = fullDatabase();
  const batch = createBatch('index.db', database, { ...rest, owes: true });
  batch.write(put(1, 'short'));
  expect(() => batch.writeNow(put(2, LONG))).toThrow(full);
  room();
  batch.flush();
  expect(texts()).toEqual([{ n: 1, bytes: 'short'.length }]);
});

test('nothing is done later where that was not asked for', () => {
  const { database, put, texts, room } = fullDatabase();
  const batch = createBatch('buckets.db', database, rest);
  expect(() => batch.write(put(1, LONG))).toThrow(full);
  room();
  batch.flush();
  expect(texts()).toEqual([]);
});

test('a write that can never succeed does not stand in the way of others', () => {
  const { database, put, texts } = fullDatabase();
  const batch = createBatch('index.db', database, { ...rest, owes: true });
  expect(() => batch.write(() => database.exec('INSERT INTO t VALUES (1, 2, 3)'))).toThrow('index');
  batch.write(put(1, 'short'));
  batch.flush();
  expect(texts()).toEqual([{ n: 1, bytes: 'short'.length }]);
});

test('what was refused because of an earlier commit is not done over what is newer', async () => {
  const { database, put, texts, room } = fullDatabase();
  room();
  const exec = database.exec.bind(database);
  let isFull = true;
  database.exec = (sql) => {
    if (isFull && sql === 'COMMIT')
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    exec(sql);
  };
  let lost = 0;
  const batch = createBatch('index.db', database, { ...rest, onLost: () => lost++, owes: true });
  batch.write(put(1, 'old'));
  // Nobody waits for that commit, so the next write hears of it.
  await expect.poll(() => lost).toBe(1);
  expect(batch.read(texts)).toEqual([{ n: 1, bytes: 'old'.length }]);
  expect(() => batch.write(put(1, 'newer'))).toThrow(full);
  batch.write(put(1, 'the newest'));
  isFull = false;
  batch.flush();
  expect(batch.read(texts)).toEqual([{ n: 1, bytes: 'the newest'.length }]);
});
