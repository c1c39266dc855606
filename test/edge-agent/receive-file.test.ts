/** What becomes of one key, whatever is in its way and wherever it is cut off. Real files, a store told when to fail. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { receiveSetup } from './receive-setup.ts';

it('brings an object into the folder, whole, and removes it from the bucket afterwards', async () => {
  const { put, once, read, inBucket, tree, leftovers, lines, counts, row } = receiveSetup();
  await put('a/b/f.txt', 'content');
  await put('empty', '');
  expect(await once()).toBe(0);
  expect(read('a/b/f.txt')).toBe('content');
  expect(tree()).toEqual(['a', 'a/b', 'a/b/f.txt', 'empty']);
  expect(inBucket('a/b/f.txt') || inBucket('empty')).toBe(false);
  expect(leftovers()).toEqual([]);
  expect(counts).toMatchObject({ downloaded: 2, deleted: 2 });
  expect(row('a/b/f.txt')).toMatchObject({ state: 'synced', sizeBytes: 7 });
  const told = lines.filter(({ key, level }) => key === 'in/a/b/f.txt' && level === 'INFO');
  expect(told.map(({ message }) => message)).toEqual(['downloaded', 'removed from bucket']);
});

it('never shows part of a file under its name', async () => {
  const { put, once, first, tree, inBucket } = receiveSetup({}, { partBytes: 5 * 1024 * 1024 });
  await put('large', Buffer.alloc(12 * 1024 * 1024, 'x'));
  const seen: string[][] = [];
  first('get', () => seen.push(tree()));
  expect(await once()).toBe(0);
  expect(seen).toEqual([[]]);
  expect(inBucket('large')).toBe(false);
});

it('restores mtime to the nanosecond and mode without setuid, setgid and sticky bits', async () => {
  const { put, once, path } = receiveSetup();
  await put('f', 'content', { mtime: '1234567890.123456789', mode: '107755' });
  await put('plain', 'content');
  expect(await once()).toBe(0);
  const stat = statSync(path('f'), { bigint: true });
  expect(stat.mtimeNs).toBe(1234567890123456789n);
  expect(Number(stat.mode) & 0o7777).toBe(0o755);
  expect(statSync(path('plain')).mode & 0o7777).toBe(0o666 & ~process.umask());
});

it('restores the owner when it may', async () => {
  const { put, once, path } = receiveSetup();
  await put('f', 'content', { uid: '1234', gid: '5678', mode: '640' });
  expect(await once()).toBe(0);
  const own = { uid: process.getuid?.(), gid: process.getgid?.() };
  expect(statSync(path('f'))).toMatchObject(own.uid === 0 ? { uid: 1234, gid: 5678 } : own);
});

it('takes nothing from the metadata when it is not to', async () => {
  const { put, once, path } = receiveSetup({ metadata: false });
  await put('f', 'content', { mtime: '1000000000', mode: '777', uid: '1234', gid: '5678' });
  expect(await once()).toBe(0);
  expect(statSync(path('f')).mtimeMs).toBeGreaterThan(1_700_000_000_000);
  expect(statSync(path('f')).mode & 0o777).toBe(0o666 & ~process.umask());
});

it('keeps the object, and no trace of the bytes, when they are not what the sender named', async () => {
  const { put, once, inBucket, tree, leftovers, row, messages } = receiveSetup();
  await put('f', 'content', { 'sluice-md5': 'f'.repeat(32) });
  expect(await once()).toBe(1);
  expect(inBucket('f')).toBe(true);
  expect(tree()).toEqual([]);
  expect(leftovers()).toEqual([]);
  expect(row('f')).toMatchObject({ state: 'waiting', attempts: 3 });
  expect(messages('WARN').join()).toContain('not those that the sender has named');
});

it('proves an object whose ETag is no MD5 by a second download', async () => {
  const { put, once, memory, read, inBucket } = receiveSetup({}, {}, { store: encrypted });
  await put('f', 'content');
  expect(await once()).toBe(0);
  expect(memory.calls.filter((call) => call === 'get in/f')).toHaveLength(2);
  expect(read('f')).toBe('content');
  expect(inBucket('f')).toBe(false);
});

it('keeps an object whose ETag is no MD5 when two downloads differ', async () => {
  let downloads = 0;
  const { put, once, inBucket, tree } = receiveSetup(
    {},
    {},
    {
      store: (memory) => ({
        ...encrypted(memory),
        async get(key, options) {
          const answer = await encrypted(memory).get(key, options);
          downloads++;
          const flipped = Buffer.concat(await Array.fromAsync(answer.body));
          if (downloads % 2 === 1) flipped[0] = (flipped[0] ?? 0) ^ 1;
          return { ...answer, body: bytes(flipped) };
        },
      }),
    },
  );
  await put('f', 'content');
  expect(await once()).toBe(1);
  expect(inBucket('f')).toBe(true);
  expect(tree()).toEqual([]);
});

it('proves an object that came in parts by its ETag, without a second download', async () => {
  const { memory, key, once, read, inBucket } = receiveSetup();
  const uploadId = await memory.createMultipart(key('f'), { metadata: {} });
  const bodies = ['a'.repeat(5 * 1024 * 1024), 'the rest'];
  const parts = [];
  for (const [at, body] of bodies.entries()) {
    parts.push(await memory.uploadPart(key('f'), uploadId, at + 1, Buffer.from(body)));
  }
  await memory.completeMultipart(key('f'), uploadId, parts);
  expect(await once()).toBe(0);
  expect(memory.calls.filter((call) => call === 'get in/f')).toHaveLength(1);
  expect(read('f')).toBe(bodies.join(''));
  expect(inBucket('f')).toBe(false);
});

it('takes a broken connection up where it broke', async () => {
  let broken = 0;
  const { put, once, read, memory } = receiveSetup(
    {},
    {},
    {
      store: (memory) => ({
        ...memory,
        async get(key, options) {
          const answer = await memory.get(key, options);
          return broken++ > 0 ? answer : { ...answer, body: cutOff(answer.body) };
        },
      }),
    },
  );
  const content = 'x'.repeat(200_000);
  await put('f', content);
  expect(await once()).toBe(0);
  expect(read('f')).toBe(content);
  expect(memory.calls.filter((call) => call === 'get in/f')).toHaveLength(2);
});

it('refuses bytes that nobody asked for', async () => {
  const { put, once, tree, inBucket } = receiveSetup(
    {},
    {},
    {
      store: (memory) => ({
        ...memory,
        async get(key, options) {
          const answer = await memory.get(key, options);
          return { ...answer, body: bytes(Buffer.from('content and more')) };
        },
      }),
    },
  );
  await put('f', 'content');
  expect(await once()).toBe(1);
  expect(tree()).toEqual([]);
  expect(inBucket('f')).toBe(true);
});

it('downloads again an object that was replaced while it was downloaded, and keeps the newer one until then', async () => {
  const { put, once, first, read, inBucket } = receiveSetup();
  await put('f', 'old');
  first('get', () => put('f', 'new!'));
  expect(await once()).toBe(0);
  expect(read('f')).toBe('new!');
  expect(inBucket('f')).toBe(false);
});

it('keeps an object that was replaced after its download, and receives it then', async () => {
  const { put, once, first, read, tree, inBucket } = receiveSetup();
  await put('f', 'old');
  first('delete', () => put('f', 'new!'));
  expect(await once()).toBe(0);
  expect(read('f')).toBe('new!');
  expect(tree()).toEqual(['f']);
  expect(inBucket('f')).toBe(false);
});

it('only removes the object when it was cut off between placing the file and that', async () => {
  const { put, once, first, memory, inBucket } = receiveSetup();
  await put('f', 'content');
  let cut = 0;
  memory.before((op) => {
    if (op === 'delete' && cut++ < 3) throw new SyncError('cut off', { op, retryable: true });
  });
  expect(await once()).toBe(1);
  expect(inBucket('f')).toBe(true);
  first('none', () => undefined);
  expect(await once()).toBe(0);
  expect(memory.calls.filter((call) => call === 'get in/f')).toHaveLength(1);
  expect(inBucket('f')).toBe(false);
});

it('downloads again what a reader has taken before the object was removed', async () => {
  const { put, once, memory, path, read, inBucket } = receiveSetup();
  await put('f', 'content');
  let cut = 0;
  memory.before((op) => {
    if (op === 'delete' && cut++ < 3) throw new SyncError('cut off', { op, retryable: true });
  });
  expect(await once()).toBe(1);
  rmSync(path('f'));
  expect(await once()).toBe(0);
  expect(read('f')).toBe('content');
  expect(inBucket('f')).toBe(false);
});

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

it('takes the first of "file" and "file/child", and keeps the other in the bucket until it fits', async () => {
  const { put, once, inBucket, path } = receiveSetup({}, { concurrency: 1 });
  await put('file', 'a file');
  await put('file/child', 'a child');
  expect(await once()).toBe(1);
  expect([inBucket('file'), inBucket('file/child')].filter(Boolean)).toHaveLength(1);
  rmSync(path('file'), { recursive: true });
  expect(await once()).toBe(0);
});

it('takes keys that differ in case only for two files', async () => {
  const { put, once, read } = receiveSetup();
  await put('File', 'upper');
  await put('file', 'lower');
  expect(await once()).toBe(0);
  expect([read('File'), read('file')]).toEqual(['upper', 'lower']);
});

it.each([
  '../escaped',
  'a/../../escaped',
  '/escaped',
  'a//b',
  './a',
  '.sluice/lock',
  'a\0b',
  'n'.repeat(256),
])('refuses the key %j visibly, writes nothing, and keeps the object', async (name) => {
  const { put, once, tree, root, inBucket, row, memory, messages } = receiveSetup();
  await put(name, 'hostile');
  await put('other', 'content');
  expect(await once()).toBe(1);
  expect(tree()).toEqual(['other']);
  expect(readdirSync(join(root, '..'))).toEqual(['folder']);
  expect(existsSync('/escaped')).toBe(false);
  expect(inBucket(name)).toBe(true);
  expect(row(name)?.state).toBe('parked');
  expect(messages('WARN')).toHaveLength(1);
  await memory.delete(receiveKey(name));
  expect(await once()).toBe(0);
  expect(row(name)).toBeUndefined();
});

it('names the place of a directory once, and is not held up by it', async () => {
  const { put, once, tree, inBucket, messages, row } = receiveSetup();
  await put('d/', '');
  await put('', '');
  expect(await once()).toBe(0);
  expect(await once()).toBe(0);
  expect(tree()).toEqual([]);
  expect(inBucket('d/')).toBe(true);
  expect(messages('WARN')).toEqual(['skipped: stands for a directory and is no file']);
  expect(row('d/')?.state).toBe('parked');
});

it('leaves the agents own objects and probes alone, without a word', async () => {
  const { memory, once, tree, messages } = receiveSetup({ prefix: '' });
  await memory.put(receiveKey('x', '.sluice/owners/'), Buffer.from('{}'), { metadata: {} });
  await memory.put(receiveKey('.sluice-probe-1', 'd/'), Buffer.from('{}'), { metadata: {} });
  expect(await once()).toBe(0);
  expect(tree()).toEqual([]);
  expect(messages('WARN')).toEqual([]);
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

it('forgets what readers have taken', async () => {
  const { put, once, path, row } = receiveSetup();
  await put('f', 'content');
  expect(await once()).toBe(0);
  expect(row('f')?.state).toBe('synced');
  renameSync(path('f'), join(temporaryFolder(), 'taken'));
  expect(await once()).toBe(0);
  expect(row('f')).toBeUndefined();
});

it('removes what a crash left of a download', async () => {
  const { put, once, path, leftovers, read } = receiveSetup();
  await put('f', 'content');
  mkdirSync(path('.sluice/incoming'), { recursive: true });
  writeFileSync(path('.sluice/incoming/half'), 'con');
  expect(await once()).toBe(0);
  expect(leftovers()).toEqual([]);
  expect(read('f')).toBe('content');
});

function receiveKey(name: string, prefix = 'in/') {
  return objectKey(prefix + name);
}

/** As with KMS: 32 hex digits that are no MD5. */
function encrypted(memory: ObjectStore): ObjectStore {
  const tag = (etag: string) => [...etag].reverse().join('');
  return {
    ...memory,
    async head(key) {
      const head = await memory.head(key);
      return head === undefined ? undefined : { ...head, etag: tag(head.etag) };
    },
    get: (key, { ifMatch = '', ...options } = {}) => memory.get(key, { ...options, ifMatch: tag(ifMatch) }),
    delete: (key, { ifMatch = '' } = {}) => memory.delete(key, { ifMatch: tag(ifMatch) }),
  };
}

async function* bytes(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}

async function* cutOff(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  }
}

function rewriteUnnoticed(file: string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, 'ONE');
  utimesSync(file, atime, mtime);
}

function replaceByRename(file: string): void {
  writeFileSync(`${file}.new`, 'their new');
  renameSync(`${file}.new`, file);
}
