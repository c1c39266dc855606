/** The ledger, controls and tasks of the buckets on the host, on a real file. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { type BucketsDb, openBucketsDb } from '#adapters/host/buckets-db.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { controlsContract } from '../../contracts/controls.ts';
import { ledgerContract } from '../../contracts/ledger.ts';
import { ledgerEntry } from '../../doubles/s3-event.ts';

const base = mkdtempSync(join(tmpdir(), 'sluice-buckets-'));
const shared = openBucketsDb(join(base, 'shared.db'));
afterAll(() => {
  shared.close();
  rmSync(base, { recursive: true, force: true });
});

ledgerContract('sqlite', async () => shared.ledger('contract'));
controlsContract('sqlite', async () => shared.controls('contract'));

function place(): { file: string; open: () => BucketsDb } {
  const directory = mkdtempSync(join(base, 'one-'));
  const file = join(directory, 'buckets.db');
  const opened: BucketsDb[] = [];
  onTestFinished(() => {
    for (const one of opened) one.close();
  });
  return {
    file,
    open: () => {
      const one = openBucketsDb(file);
      opened.push(one);
      return one;
    },
  };
}

const key = objectKey('dir/ü 😀');
const task = { key, state: 'waiting', attempts: 1, nextAttemptMs: 5, reason: 'down' } as const;

it('keeps the ledgers and controls of two buckets apart', async () => {
  const db = place().open();
  await db.ledger('one').put(ledgerEntry({ key }));
  await db.controls('one').put('guard-x', { a: 1 }, 0);
  expect(await db.ledger('two').get(key)).toBeUndefined();
  expect(await db.controls('two').get('guard-x')).toBeUndefined();
  expect(await Array.fromAsync(db.ledger('two').entries())).toEqual([]);
});

it('has on the disk what was compare-and-set, and after a flush what a mirror recorded', async () => {
  const { file, open } = place();
  const db = open();
  await db.ledger('one').put(ledgerEntry({ key }));
  await db.controls('one').put('x', 'y', 0);
  await db.ledger('one').recordMirror(key, 'b', { sourceEtag: 'e', atMs: 1 });
  db.tasks('one', 'b').put(task);
  db.flush();
  const beside = openBucketsDb(file, { beside: true });
  onTestFinished(() => beside.close());
  const mirrors = { b: { sourceEtag: 'e', atMs: 1 } };
  expect(await beside.ledger('one').get(key)).toEqual(ledgerEntry({ key, mirrors }));
  expect(await beside.controls('one').get('x')).toEqual({ value: 'y', revision: 1 });
  expect(beside.tasks('one', 'b').inState('waiting')).toEqual([task]);
});

it('forgets what only mirrors have told of, and nothing else', async () => {
  const ledger = place().open().ledger('one');
  const [gone, told, delivered] = ['gone', 'told', 'delivered'].map(objectKey) as [
    ObjectKey,
    ObjectKey,
    ObjectKey,
  ];
  await ledger.recordMirror(gone, 'a', { sourceEtag: '', atMs: 10 });
  await ledger.put(ledgerEntry({ key: told }));
  await ledger.recordDelivery(delivered, { etag: 'e', permissions: '', atMs: 1 }, undefined);
  for (const one of [gone, told, delivered]) ledger.forget(one);
  expect((await Array.fromAsync(ledger.entries())).map((entry) => entry.key)).toEqual([delivered, told]);
});

it('answers tasks by what they wait for', () => {
  const tasks = place().open().tasks('one', 'b');
  tasks.put(task);
  tasks.put({ ...task, key: objectKey('later'), nextAttemptMs: 50 });
  tasks.put({ ...task, key: objectKey('a'), state: 'parked', nextAttemptMs: 0 });
  tasks.put({ ...task, key: objectKey('b'), state: 'planned', nextAttemptMs: 0 });
  expect(tasks.due(10, 5).map((one) => one.key)).toEqual([key]);
  expect(tasks.nextDueMs()).toBe(5);
  expect(tasks.counts()).toEqual({ waiting: 2, parked: 1, planned: 1, held: 0 });
  expect(tasks.move('planned', 'held', 'too many')).toBe(1);
  expect(tasks.inState('held')).toMatchObject([{ key: 'b', reason: 'too many' }]);
  expect(tasks.retryNow()).toBe(3);
  expect(tasks.due(0, 5)).toHaveLength(3);
  tasks.clear('held');
  tasks.remove(key);
  expect(tasks.counts()).toEqual({ waiting: 2, parked: 0, planned: 0, held: 0 });
});

it('hands a request of the command line to the agent once', () => {
  const { file, open } = place();
  const agent = open();
  const command = openBucketsDb(file, { beside: true });
  onTestFinished(() => command.close());
  command.request('retry', 'one');
  command.request('approve-deletes', 'two');
  expect(agent.takeRequests()).toEqual([
    { kind: 'retry', bucket: 'one' },
    { kind: 'approve-deletes', bucket: 'two' },
  ]);
  expect(agent.takeRequests()).toEqual([]);
});

it('moves a damaged file aside, says so and begins another', () => {
  const { file } = place();
  const first = openBucketsDb(file);
  first.tasks('one', 'b').put(task);
  first.close();
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 4096, 8192);
  writeFileSync(file, bytes);
  const second = openBucketsDb(file);
  onTestFinished(() => second.close());
  expect(second.quarantined).toMatchObject({ code: 'IndexCorrupt' });
  expect(second.tasks('one', 'b').counts().waiting).toBe(0);
  expect(readdirSync(join(file, '..')).filter((name) => name.includes('corrupt'))).not.toEqual([]);
});

it('notes a row that is not what was written, tells of it, and starts anew the next time', async () => {
  const { file } = place();
  const damages: string[] = [];
  const db = openBucketsDb(file, { onDamage: (error) => damages.push(error.code ?? '') });
  await db.ledger('one').recordMirror(key, 'a', { sourceEtag: 'e', atMs: 1 });
  db.flush();
  const other = new DatabaseSync(file);
  other.exec(`UPDATE entries SET mirrors = '{"a":'`);
  other.close();
  await expect(db.ledger('one').get(key)).rejects.toMatchObject({ code: 'IndexCorrupt' });
  await expect(Array.fromAsync(db.ledger('one').entries())).rejects.toMatchObject({ code: 'IndexCorrupt' });
  expect(damages).toContain('IndexCorrupt');
  db.close();
  const next = openBucketsDb(file);
  expect(next.quarantined?.message).toContain('not JSON');
  expect(await next.ledger('one').get(key)).toBeUndefined();
  next.close();
});

it('leaves the database of another program as it is', () => {
  const { file } = place();
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE theirs (a)');
  other.close();
  expect(() => openBucketsDb(file)).toThrow(expect.objectContaining({ code: 'IndexForeign' }));
  expect(existsSync(`${file}.corrupt-1`)).toBe(false);
});

it('makes nothing beside an agent that has never run', () => {
  const { file } = place();
  expect(() => openBucketsDb(file, { beside: true })).toThrow(
    expect.objectContaining({ code: 'IndexAbsent' }),
  );
  expect(existsSync(file)).toBe(false);
});

it('frees the copies that an agent had in hand when it ended without a word', async () => {
  const db = place().open();
  await db.controls('one').put('upload-b-1', { uploadId: 'u', busyUntilMs: 99 }, 0);
  await db.controls('one').put('guard-b', { busyUntilMs: 99 }, 0);
  db.releaseUploads();
  expect(await db.controls('one').get('upload-b-1')).toMatchObject({ value: { busyUntilMs: 0 } });
  expect(await db.controls('one').get('guard-b')).toMatchObject({ value: { busyUntilMs: 99 } });
});
