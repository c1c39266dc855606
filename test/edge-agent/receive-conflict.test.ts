/** What becomes of a key whose name in the folder is taken. Real files, a store that is told when to fail. */
import { hash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encrypted, receiveSetup } from './receive-setup.ts';

it('writes nothing where the same content is already, and removes the object', async () => {
  const { put, once, path, memory, inBucket, row, tree } = receiveSetup();
  writeFileSync(path('f'), 'content');
  await put('f', 'content');
  expect(await once()).toBe(0);
  expect(memory.calls.filter((call) => call.startsWith('get'))).toEqual([]);
  expect(inBucket('f')).toBe(false);
  expect(tree()).toEqual(['f']);
  expect(row('f')?.state).toBe('synced');
});

it('writes no second file where the same content is already, and only a download can tell', async () => {
  const { put, once, path, tree, inBucket } = receiveSetup({}, {}, { store: encrypted });
  writeFileSync(path('f'), 'content');
  await put('f', 'content');
  expect(await once()).toBe(0);
  expect(tree()).toEqual(['f']);
  expect(inBucket('f')).toBe(false);
});

it('replaces what an earlier receive placed and nobody has touched', async () => {
  const { put, once, read, tree } = receiveSetup();
  await put('f', 'one');
  expect(await once()).toBe(0);
  await put('f', 'two');
  expect(await once()).toBe(0);
  expect(read('f')).toBe('two');
  expect(tree()).toEqual(['f']);
});

it('never overwrites a file of somebody else: it is moved aside, visibly', async () => {
  const { put, once, path, read, tree, inBucket, lines } = receiveSetup();
  writeFileSync(path('f'), 'theirs');
  writeFileSync(path('f.sluice-conflict-1'), 'older');
  await put('f', 'from the bucket');
  expect(await once()).toBe(0);
  expect(read('f')).toBe('from the bucket');
  expect(read('f.sluice-conflict-2')).toBe('theirs');
  expect(tree()).toEqual(['f', 'f.sluice-conflict-1', 'f.sluice-conflict-2']);
  expect(inBucket('f')).toBe(false);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'WARN', key: 'in/f', now: 'f.sluice-conflict-2' }),
  );
});

it.each([
  ['content', (file: string) => writeFileSync(file, 'edited!')],
  ['content of the same size and time', (file: string) => rewriteUnnoticed(file)],
  ['replaced by rename', (file: string) => replaceByRename(file)],
  ['mode', (file: string) => chmodSync(file, 0o600)],
])('moves aside a received file that a reader has changed: %s', async (_what, change) => {
  const { put, once, path, read, tree } = receiveSetup();
  await put('f', 'one');
  expect(await once()).toBe(0);
  change(path('f'));
  const changed = read('f');
  await put('f', 'two');
  expect(await once()).toBe(0);
  expect(read('f')).toBe('two');
  expect(read('f.sluice-conflict-1')).toBe(changed);
  expect(tree()).toEqual(['f', 'f.sluice-conflict-1']);
});

it('keeps an object whose metadata name the bytes that the file has, and which has others', async () => {
  const { put, once, path, read, inBucket } = receiveSetup();
  const metadata = { 'sluice-md5': hash('md5', 'state=0') };
  await put('f', 'state=0', metadata);
  expect(await once()).toBe(0);
  chmodSync(path('f'), 0o600);
  await put('f', 'state=1', metadata);
  expect(await once()).toBe(1);
  expect([read('f'), inBucket('f')]).toEqual(['state=0', true]);
});

it('keeps what a writer put there while the object was downloaded', async () => {
  const { put, once, path, read, first } = receiveSetup();
  await put('f', 'from the bucket');
  first('get', () => writeFileSync(path('f'), 'theirs'));
  expect(await once()).toBe(0);
  expect(read('f')).toBe('from the bucket');
  expect(read('f.sluice-conflict-1')).toBe('theirs');
});

it.each<[string, (folder: string) => void, string, RegExp]>([
  ['its name is a directory', (folder) => mkdirSync(join(folder, 'f')), 'f', /a directory has its name/],
  [
    'its name is a symlink',
    (folder) => symlinkSync('/etc/passwd', join(folder, 'f')),
    'f',
    /a symlink has its name/,
  ],
  ['a parent is a file', (folder) => writeFileSync(join(folder, 'd'), ''), 'd/f', /file or a symlink/],
  ['a parent is a symlink', (folder) => symlinkSync('/tmp', join(folder, 'd')), 'd/f', /file or a symlink/],
])('parks a key, and the rest goes on, when %s', async (_name, prepare, name, why) => {
  const { put, once, root, inBucket, row, read, memory, path } = receiveSetup();
  prepare(root);
  await put(name, 'content');
  await put('other', 'content');
  expect(await once()).toBe(1);
  expect(inBucket(name)).toBe(true);
  expect(row(name)).toMatchObject({ state: 'parked', lastError: expect.stringMatching(why) });
  expect(read('other')).toBe('content');
  expect(memory.calls.filter((call) => call === `get in/${name}`)).toEqual([]);
  rmSync(path(name.split('/')[0] ?? ''), { recursive: true });
  expect(await once()).toBe(0);
  expect(read(name)).toBe('content');
  expect(row(name)?.state).toBe('synced');
});

it('waits for a file of that name that is open for writing', async () => {
  const { put, once, path, context, read } = receiveSetup();
  writeFileSync(path('f'), 'content');
  await put('f', 'content');
  let busy = 2;
  const { take } = context.leases;
  context.leases.take = (fd) => (busy-- > 0 ? 'busy' : take(fd));
  expect(await once()).toBe(0);
  expect(read('f')).toBe('content');
});

function rewriteUnnoticed(file: string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, 'ONE');
  utimesSync(file, atime, mtime);
}

function replaceByRename(file: string): void {
  writeFileSync(`${file}.new`, 'their new');
  renameSync(`${file}.new`, file);
}
