/** What becomes of a file when somebody interferes at the worst moment. Real files and leases, a store that is told when to fail. */
import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openIndex } from '#adapters/host/index-db.ts';
import { objectKey } from '#core/key.ts';
import { createLeases } from '../../edge-agent/leases.ts';
import { moveFile } from '../../edge-agent/move-file.ts';
import type { Looked } from '../../edge-agent/settled-file.ts';
import { runInChild, temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { fileContext } from './file-context.ts';
import { storeSettings } from './store-settings.ts';

const KEY = objectKey('out/f');
const times = vi.hoisted(() => ({ stand: false }));

vi.mock(import('node:fs'), async (original) => {
  const { tellingTimes } = await import('./told-times.ts');
  const moment = 1_700_000_000_000_000_000n;
  return tellingTimes(await original(), () =>
    times.stand ? { mtimeNs: moment, ctimeNs: moment } : undefined,
  );
});

const APPEND = "require('node:fs').appendFileSync(process.argv[1], ' and more')";

function setup(partBytes = 16 * 1024 * 1024) {
  const root = temporaryFolder();
  const file = join(root, 'f');
  writeFileSync(file, 'content');
  const store = createMemoryStore();
  const index = openIndex(join(temporaryFolder(), 'index.db'));
  const leases = createLeases();
  onTestFinished(() => {
    leases.close();
    index.close();
  });
  const stopping = new AbortController();
  const settings = storeSettings({
    store: { bucket: 'bucket' },
    folders: [{ name: 'out', path: root, prefix: 'out/', settle: '0s' }],
  });
  settings.limits.partBytes = partBytes;
  const rootFd = openSync(root, 'r');
  onTestFinished(() => closeSync(rootFd));
  const context = {
    ...fileContext({ path: root, fd: rootFd }, { settings, store, index, leases }),
    stopping: stopping.signal,
  };
  const move = (): Promise<Looked> => moveFile(context, Buffer.from('f'));
  /** Runs once, before the first call of the operation. */
  const once = (op: string, action: () => unknown) => {
    let done = false;
    store.before(async (called) => {
      if (called !== op || done) return;
      done = true;
      await action();
    });
  };
  return { file, index, store, move, once, stopping };
}

it('keeps a file whose object was overwritten after the upload, and uploads it again', async () => {
  const { file, store, move, once } = setup();
  once('head', () => store.put(KEY, Buffer.from('theirs'), { metadata: {} }));
  await expect(move()).rejects.toMatchObject({ code: 'Unconfirmed' });
  expect(readFileSync(file, 'utf8')).toBe('content');
  expect(await move()).toEqual({ done: 'moved' });
  expect(String(store.contents(KEY))).toBe('content');
});

it('keeps a file whose object was deleted after the upload', async () => {
  const { file, store, move, once } = setup();
  once('head', () => store.delete(KEY));
  await expect(move()).rejects.toMatchObject({ code: 'Unconfirmed' });
  expect(existsSync(file)).toBe(true);
});

// The kernel ends a lease by force after 45 s: a limit below that tells a writer that was let in from one that waited.
it.each(['put', 'head'])(
  'lets a writer in at once during %s, keeps what it wrote, and sends that',
  async (op) => {
    const { file, store, move, once } = setup();
    once(op, () => runInChild(APPEND, file));
    await expect(move()).rejects.toMatchObject({ code: 'Changed' });
    expect(readFileSync(file, 'utf8')).toBe('content and more');
    expect(await move()).toEqual({ done: 'moved' });
    expect(String(store.contents(KEY))).toBe('content and more');
  },
  20_000,
);

it('keeps a file that replaced the one that was uploaded', async () => {
  const { file, move, once } = setup();
  const script =
    "fs.writeFileSync(process.argv[1] + '.new', 'new'); fs.renameSync(process.argv[1] + '.new', process.argv[1])";
  once('head', () => runInChild(script, file));
  await expect(move()).rejects.toMatchObject({ code: 'Changed' });
  expect(readFileSync(file, 'utf8')).toBe('new');
});

it('does not upload again what it had uploaded before it was cut off', async () => {
  const { file, store, move, once } = setup();
  once('head', () => {
    throw new Error('cut off');
  });
  await expect(move()).rejects.toThrow('cut off');
  expect(await move()).toEqual({ done: 'moved' });
  expect(store.calls.filter((call) => call.startsWith('put'))).toHaveLength(1);
  expect(existsSync(file)).toBe(false);
});

it('remembers the object of a file that went while it was uploaded', async () => {
  const { file, index, store, move, once } = setup();
  once('put', () => unlinkSync(file));
  await expect(move()).rejects.toMatchObject({ code: 'Changed' });
  const { etag } = (await store.head(KEY)) ?? {};
  expect(index.get('out', Buffer.from('f'))).toMatchObject({ state: 'waiting', etag });
});

it('gives a file back when the agent stops before it is removed', async () => {
  const { file, move, once, stopping } = setup();
  once('head', () => stopping.abort());
  await expect(move()).rejects.toMatchObject({ code: 'Stopped' });
  expect(readFileSync(file, 'utf8')).toBe('content');
});

// Before Linux 6.13 the times of files tick every few milliseconds.
it('sends what a writer has written during the upload, though size and times of the file are as before', async () => {
  const { file, store, move, once } = setup();
  times.stand = true;
  onTestFinished(() => {
    times.stand = false;
  });
  once('put', () => runInChild("fs.writeFileSync(process.argv[1], 'CONTENT', { flag: 'r+' })", file));
  await expect(move()).rejects.toMatchObject({ code: 'Changed' });
  expect(await move()).toEqual({ done: 'moved' });
  expect(String(store.contents(KEY))).toBe('CONTENT');
});
