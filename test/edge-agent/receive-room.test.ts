/** Downloads wait while the disk is nearly full, and go on by themselves. */
import { closeSync, openSync, statfsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createIncoming, type IncomingFile } from '#adapters/host/incoming.ts';
import { createFreeSpace } from '../../edge-agent/free-space.ts';
import { fetchFile } from '../../edge-agent/receive-bytes.ts';
import type { ReceiveContext } from '../../edge-agent/receive-context.ts';
import { createRoomWaiters } from '../../edge-agent/room-waiters.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { receiveSetup } from './receive-setup.ts';

const GIB = 1024 ** 3;

it('waits, visibly, when the file would leave less free than has to stay free', async () => {
  const { put, once, row, tree, inBucket, memory, lines } = receiveSetup({}, { minFreeBytes: 2 ** 52 });
  await put('a', 'content');
  await put('b', 'content');
  expect(await once()).toBe(2);
  expect(memory.calls.filter((call) => call.startsWith('get'))).toEqual([]);
  expect([tree(), inBucket('a'), inBucket('b')]).toEqual([[], true, true]);
  expect(row('a')).toMatchObject({
    state: 'waiting',
    lastError: expect.stringMatching(/no room for 7 bytes/),
  });
  const warned = lines.filter(({ level }) => level === 'WARN');
  expect(warned).toMatchObject([
    { message: 'downloads wait for room on the disk' },
    ...['in/a', 'in/b'].map((key) => ({ message: 'left behind: no room for 7 bytes', key, folder: 'in' })),
  ]);
});

it('promises the same bytes to one download only, and takes back what was written or given up', () => {
  const folder = temporaryFolder();
  const { bavail, bsize } = statfsSync(folder);
  const halfBytes = Math.floor((bavail * bsize) / 2);
  const space = createFreeSpace(Buffer.from(folder), GIB / 4);
  const first = space.reserve(halfBytes);
  expect(first).toBeDefined();
  expect(space.reserve(halfBytes)).toBeUndefined();
  first?.written(halfBytes - GIB / 2);
  expect(space.reserve(halfBytes - GIB)).toBeDefined();
  first?.release();
  first?.release();
});

it('looks again, without asking the store, at as many as fit together', () => {
  const { context, lines } = receiveSetup();
  let freeBytes = 0;
  const marked: string[] = [];
  const room = createRoomWaiters(
    { ...context, space: { fits: (bytes: number) => bytes <= freeBytes } },
    (path) => void marked.push(String(path)),
  );
  for (const [name, sizeBytes] of [
    ['a', 60],
    ['b', 50],
    ['c', 40],
  ] as const)
    room.add(Buffer.from(name), sizeBytes);
  room.check();
  expect(marked).toEqual([]);
  freeBytes = 100;
  room.check();
  expect(marked).toEqual(['a', 'c']);
  for (const name of ['a', 'b', 'c']) room.drop(Buffer.from(name));
  expect(room.size).toBe(0);
  expect(lines.at(-1)).toMatchObject({ level: 'INFO', message: 'no download waits for room any more' });
});

it.each<keyof IncomingFile>(['write', 'finish'])(
  'gives back what was promised to a download when its file cannot be removed after %s has failed',
  async (step) => {
    const setup = receiveSetup();
    await setup.put('f', 'content');
    const { incoming, ...context } = receiveContext(setup);
    const refuse = () => {
      throw new Error('EROFS: read-only file system');
    };
    let promises = 0;
    const receive: ReceiveContext = {
      ...context,
      incoming: {
        ...incoming,
        begin(name) {
          const file = incoming.begin(name);
          onTestFinished(() => file.release());
          const { write, finish } = file;
          return { ...{ path: file.path, fd: -1, write, finish }, release: refuse, [step]: refuse };
        },
      },
      space: {
        fits: () => true,
        reserve() {
          promises++;
          return { written: () => undefined, release: () => void promises-- };
        },
      },
    };
    await expect(fetchFile(receive, Buffer.from('f'), setup.key('f'))).rejects.toThrow('EROFS');
    expect(promises).toBe(0);
  },
);

it('lets the answer of the store go when it cannot be told how much room there is', async () => {
  let left = 0;
  async function* watched(body: AsyncIterable<Uint8Array>) {
    try {
      yield* body;
    } finally {
      left++;
    }
  }
  const setup = receiveSetup(
    {},
    {},
    {
      store: (memory) => ({
        ...memory,
        async get(key, options) {
          const { head, body } = await memory.get(key, options);
          return { head, body: watched(body) };
        },
      }),
    },
  );
  await setup.put('f', 'content');
  const reserve = () => {
    throw new Error('EIO: i/o error, statfs');
  };
  const receive = { ...receiveContext(setup), space: { fits: () => true, reserve } };
  await expect(fetchFile(receive, Buffer.from('f'), setup.key('f'))).rejects.toThrow('statfs');
  expect(left).toBe(1);
});

/** With room for everything. */
function receiveContext({ context, root }: ReturnType<typeof receiveSetup>): ReceiveContext {
  const fd = openSync(root, 'r');
  const incoming = createIncoming(Buffer.from(root));
  onTestFinished(() => {
    incoming.close();
    closeSync(fd);
  });
  return {
    ...context,
    root: { path: Buffer.from(root), fd },
    incoming,
    space: createFreeSpace(Buffer.from(root), 0),
    downloads: createByteBudget(1),
    noted: () => Promise.resolve(),
    newFileMode: 0o644,
    fault: () => undefined,
    stopping: new AbortController().signal,
    withoutLease: () => undefined,
  };
}
