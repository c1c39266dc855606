/** What age removes, and what it never does. Real files, a store that is told when to fail. */
import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { expirySetup, synced } from './expire-setup.ts';

const DAY_MS = 86_400_000;
const later = () => Date.now() + 2 * DAY_MS;

it('removes a received file by age, although its object is gone', async () => {
  const setup = expirySetup();
  await setup.put('d/f', 'content');
  await setup.once();
  expect(await setup.expiry.pass(Date.now())).toMatchObject({ files: 0 });
  expect(setup.has('d/f')).toBe(true);
  expect(await setup.expiry.pass(later())).toEqual({ files: 1, directories: 1, kept: 0, failed: 0 });
  expect(setup.tree()).toEqual([]);
  expect(setup.row('d/f')).toBeUndefined();
  const told = setup.lines.filter(({ level }) => level === 'INFO').slice(-2);
  expect(told).toMatchObject([
    { message: 'expired', key: 'in/d/f' },
    { message: 'removed directory', key: 'in/d/' },
  ]);
  expect(setup.counts.expired).toBe(1);
});

it('counts the age from the arrival, not from an mtime that the sender restored', async () => {
  const setup = expirySetup();
  await setup.put('f', 'content', { mtime: '1000000000' });
  await setup.once();
  expect(await setup.expiry.pass(Date.now())).toMatchObject({ files: 0 });
  expect(setup.has('f')).toBe(true);
});

it('keeps what was not received, or was changed since, and names it once', async () => {
  const { put, once, path, expiry, lines, tree } = expirySetup();
  await put('changed', 'content');
  await once();
  appendFileSync(path('changed'), ' and more');
  writeFileSync(path('stranger'), 'theirs');
  expect(await expiry.pass(later())).toMatchObject({ files: 0, kept: 2 });
  expect(await expiry.pass(later())).toMatchObject({ files: 0, kept: 2 });
  expect(tree()).toEqual(['changed', 'stranger']);
  const warned = lines.filter(({ level }) => level === 'WARN');
  expect(warned.map(({ message, key }) => `${key} ${message}`).sort()).toEqual([
    'in/changed not expired: it was changed since it came',
    'in/stranger not expired: it was not received',
  ]);
});

it('removes what is not safe too when the user says that age alone decides', async () => {
  const { path, expiry, tree } = expirySetup({ retention: { olderThan: '1d', expireUnsynced: true } });
  writeFileSync(path('stranger'), 'theirs');
  expect(await expiry.pass(later())).toMatchObject({ files: 1, kept: 0 });
  expect(tree()).toEqual([]);
});

it('keeps a received file while its object has not been removed from the bucket', async () => {
  const { put, once, memory, expiry, has } = expirySetup();
  await put('f', 'content');
  memory.before((op) => {
    if (op === 'delete') throw new SyncError('denied', { op, retryable: false, code: 'AccessDenied' });
  });
  expect(await once()).toBe(1);
  expect(await expiry.pass(later())).toMatchObject({ files: 0, kept: 1 });
  expect(has('f')).toBe(true);
});

it.each(['move', 'append'])('removes a file of mode %s when the bucket holds its bytes', async (mode) => {
  const setup = expirySetup({ mode });
  await synced(setup, 'f');
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 1, kept: 0 });
  expect(setup.has('f')).toBe(false);
  expect(setup.inBucket('f')).toBe(true);
});

it.each<[string, (setup: ReturnType<typeof expirySetup>) => unknown, RegExp]>([
  ['its object is gone', ({ memory, key }) => memory.delete(key('f')), /its object is gone/],
  ['its object was overwritten', ({ put }) => put('f', 'another'), /its object is another/],
  ['the index does not know it', ({ index }) => index.remove('in', Buffer.from('f')), /not in the bucket/],
  ['it was changed', ({ path }) => appendFileSync(path('f'), '!'), /changed since its upload/],
  ['it is open for writing', ({ context }) => busy(context.leases), /open for writing/],
  ['its upload waits', (setup) => unsettle(setup), /it waits/],
])('keeps a file that is old when %s', async (_name, change, why) => {
  const setup = expirySetup({ mode: 'append' });
  await synced(setup, 'f');
  await change(setup);
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 0, kept: 1 });
  expect(setup.has('f')).toBe(true);
  expect(setup.messages('WARN').join()).toMatch(why);
});

it('compares the content when the index took the object by its name alone', async () => {
  const setup = expirySetup({ mode: 'append', compare: 'presence' });
  await synced(setup, 'same');
  await synced(setup, 'other');
  await setup.put('other', 'CONTENT');
  for (const name of ['same', 'other']) {
    const row = setup.row(name);
    const head = await setup.memory.head(setup.key(name));
    if (row !== undefined) setup.index.put({ ...row, md5: '', etag: head?.etag ?? '' });
  }
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 1, kept: 1 });
  expect(setup.tree()).toEqual(['other']);
});

it('keeps everything, and says so, while the store does not answer', async () => {
  const setup = expirySetup({ mode: 'append' });
  await synced(setup, 'f');
  setup.first('head', () => {
    throw new SyncError('ECONNREFUSED', { op: 'HeadObject', retryable: true });
  });
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 0, failed: 1 });
  expect(setup.has('f')).toBe(true);
  expect(setup.messages('WARN')).toEqual(['expiry broke off: ECONNREFUSED']);
});

it('removes the others, and empty directories, when one file cannot be proved', async () => {
  const setup = expirySetup({ mode: 'append' });
  mkdirSync(setup.path('empty'));
  for (const name of ['a', 'b', 'c']) await synced(setup, name);
  setup.memory.before((op, key) => {
    if (op === 'head' && key === setup.key('a'))
      throw new SyncError('HeadObject: AccessDenied', { op: 'HeadObject', retryable: false });
  });
  expect(await setup.expiry.pass(later())).toEqual({ files: 2, directories: 1, kept: 1, failed: 1 });
  expect(setup.tree()).toEqual(['a']);
  expect(setup.messages('WARN')).toEqual(['not expired: HeadObject: AccessDenied']);
});

it('forgets the file in the index before it removes it, so that nothing takes it for a deleted one', async () => {
  const setup = expirySetup({ mode: 'append' });
  await synced(setup, 'f');
  const { flush } = setup.index;
  const seen: boolean[] = [];
  setup.index.flush = () => {
    seen.push(setup.has('f') && setup.row('f') === undefined);
    flush();
  };
  await setup.expiry.pass(later());
  expect(seen).toEqual([true]);
});

it('removes directories that stay empty, with the old ones above, but never the folder or one that is used', async () => {
  const { path, expiry, tree } = expirySetup();
  mkdirSync(path('a/b/c'), { recursive: true });
  mkdirSync(path('used'));
  writeFileSync(path('used/.hidden'), '');
  expect(await expiry.pass(Date.now())).toMatchObject({ directories: 0 });
  expect(await expiry.pass(later())).toMatchObject({ directories: 3, kept: 1 });
  expect(tree()).toEqual(['used', 'used/.hidden']);
  expect(existsSync(path('.'))).toBe(true);
});

it('keeps markers of an append folder without a word', async () => {
  const { path, expiry, tree, messages } = expirySetup({ mode: 'append', marker: 'done.txt' });
  writeFileSync(path('done.txt'), '');
  expect(await expiry.pass(later())).toMatchObject({ files: 0, kept: 0 });
  expect(tree()).toEqual(['done.txt']);
  expect(messages('WARN')).toEqual([]);
});

it('removes nothing through a symlink', async () => {
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'f'), 'theirs');
  const { path, expiry } = expirySetup({ retention: { olderThan: '1d', expireUnsynced: true } });
  symlinkSync(outside, path('link'));
  symlinkSync(join(outside, 'f'), path('file-link'));
  expect(await expiry.pass(later())).toMatchObject({ files: 0 });
  expect(existsSync(join(outside, 'f'))).toBe(true);
});

it('removes nothing while the clocks of host and store differ, and says so once', async () => {
  let skewMs: number | undefined = -DAY_MS;
  const { put, once, expiry, has, messages } = expirySetup({}, () => skewMs);
  await put('f', 'content');
  await once();
  await expiry.pass(later());
  await expiry.pass(later());
  expect(has('f')).toBe(true);
  expect(messages('ERROR')).toEqual([
    "nothing expires: the host's clock is 1440 minutes ahead of the store's",
  ]);
  skewMs = 0;
  expect(await expiry.pass(later())).toMatchObject({ files: 1 });
});

it('removes nothing more once the folder stops', async () => {
  const { path, expiry, stopping, tree } = expirySetup({
    retention: { olderThan: '1d', expireUnsynced: true },
  });
  writeFileSync(path('f'), 'theirs');
  stopping.abort();
  expect(await expiry.pass(later())).toMatchObject({ files: 0 });
  expect(tree()).toEqual(['f']);
});

it('does nothing in a folder without retention', async () => {
  const { path, expiry, tree } = expirySetup({ retention: undefined });
  writeFileSync(path('f'), 'theirs');
  expect(await expiry.pass(later())).toEqual({ files: 0, directories: 0, kept: 0, failed: 0 });
  expect(tree()).toEqual(['f']);
});

function busy(leases: { take(fd: number): unknown }): void {
  leases.take = () => 'busy';
}

function unsettle({ index, row }: ReturnType<typeof expirySetup>): void {
  const present = row('f');
  if (present !== undefined) index.put({ ...present, state: 'waiting', lastError: 'refused' });
}

it('knows a file that it could not remove as before, and removes it when it can', async () => {
  const setup = expirySetup();
  await setup.put('f', 'content');
  await setup.once();
  // No directory to move it to can be made here.
  writeFileSync(setup.path('.sluice/trash'), '');
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 0, failed: 1 });
  expect(setup.has('f')).toBe(true);
  rmSync(setup.path('.sluice/trash'));
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 1 });
});

it('knows a file whose removal the index had no room to note as before, and removes it when there is room', async () => {
  const setup = expirySetup();
  await setup.put('f', 'content');
  await setup.once();
  const { flush } = setup.index;
  setup.index.flush = () => {
    setup.index.flush = flush;
    throw new SyncError('database or disk is full', { op: 'index', retryable: true, code: 'IndexFull' });
  };
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 0, failed: 1 });
  expect(setup.has('f')).toBe(true);
  expect(await setup.expiry.pass(later())).toMatchObject({ files: 1 });
  expect(setup.has('f')).toBe(false);
});
