/** A disk without room: a real one, of 600 KiB, mounted where only a child process sees it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { createBatch } from '#adapters/host/index-batch.ts';
import { startCommand, temporaryFolder } from './folder.ts';

const MODULE = join(import.meta.dirname, '../../../adapters/host/index-db.ts');
const SCRIPT = `
  const { openIndex } = await import(process.argv[1]);
  const { rmSync, writeFileSync } = await import('node:fs');
  const directory = process.argv[2];
  writeFileSync(directory + '/ballast', Buffer.alloc(150 * 1024));
  const index = openIndex(directory + '/index.db');
  const row = (n) => ({
    folder: 'out', path: Buffer.from('file-' + n), dev: 1n, ino: 1n, sizeBytes: n, mtimeNs: 1n, ctimeNs: 1n,
    md5: 'm'.repeat(32), etag: '', versionId: '', partBytes: 0, state: 'synced', attempts: 0, nextAttemptMs: 0,
    lastError: '',
  });
  const whole = () => [...index.below('out', Buffer.alloc(0))].length;
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
  rmSync(directory + '/ballast');
  for (let n = kept; n < kept + 50; n++) index.put(row(n));
  index.flush();
  index.close();
  const reopened = openIndex(directory + '/index.db');
  const after = { rows: [...reopened.below('out', Buffer.alloc(0))].length, quarantined: reopened.quarantined };
  console.log(JSON.stringify({ full, again, atFull, after }));
`;

test('a full disk fails the write, keeps every row, and the index goes on when there is room', async () => {
  const directory = temporaryFolder();
  const mount = 'mount -t tmpfs -o size=600k tmpfs "$1" && exec "$2" --input-type=module -e "$3" "$4" "$1"';
  // Without root a user namespace of its own gives the right to mount.
  const namespace = process.getuid?.() === 0 ? '-m' : '-Urm';
  const command = ['sh', '-c', mount, 'sh', directory, process.execPath, SCRIPT, MODULE];
  const result = JSON.parse(await startCommand('unshare', [namespace, ...command]).line());
  const { kept } = result.atFull;
  expect(kept).toBeGreaterThan(100);
  expect(result.full).toEqual({ name: 'SyncError', code: 'IndexFull', retryable: true });
  expect(result.again).toEqual(result.full);
  expect(result.atFull).toEqual({ kept, whole: kept, counted: kept });
  expect(result.after).toEqual({ rows: kept + 50 });
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
