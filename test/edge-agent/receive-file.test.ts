/** How one object becomes a file, and where it is cut off. Real files, a store that is told when to fail. */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { encrypted, receiveSetup } from './receive-setup.ts';

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

it('asks for a new object once, and looks before it downloads where a file has the name', async () => {
  const { put, once, memory, path } = receiveSetup();
  await put('new', 'content');
  await put('here', 'content');
  writeFileSync(path('here'), 'content');
  memory.calls.length = 0;
  expect(await once()).toBe(0);
  const asked = memory.calls.filter((call) => !call.startsWith('list'));
  expect(asked.sort()).toEqual(['delete in/here', 'delete in/new', 'get in/new', 'head in/here']);
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

async function* bytes(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}

async function* cutOff(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  }
}

it('brings it into the folder that was claimed, though another has its place until the object is to go', async () => {
  const { put, once, first, root, index, read, inBucket, tree } = receiveSetup();
  await put('d/f', 'content');
  first('get', () => {
    renameSync(root, `${root}.unmounted`);
    mkdirSync(root);
  });
  const { put: note } = index;
  index.put = (row) => {
    index.put = note;
    renameSync(root, `${root}.other`);
    renameSync(`${root}.unmounted`, root);
    note(row);
  };
  expect(await once()).toBe(0);
  expect(inBucket('d/f')).toBe(false);
  expect(read('d/f')).toBe('content');
  expect(tree()).toEqual(['d', 'd/f']);
  expect(readdirSync(`${root}.other`)).toEqual([]);
});
