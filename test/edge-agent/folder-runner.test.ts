/** What a folder needs when it is claimed does not keep the agent from it, or from the others. Real files. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { SyncError } from '#core/errors.ts';
import type { FolderContext } from '../../edge-agent/folder.ts';
import { createFolderRunner } from '../../edge-agent/folder-runner.ts';
import { type OpenFolder, openFolder } from '../../edge-agent/open-folder.ts';
import { receiveSetup } from './receive-setup.ts';

const SOON = { timeout: 20_000 };
const TRASH = '.sluice/trash';
/** Stands for a disk without room, or one that fails. */
const TOO_LONG = 'x'.repeat(300);

const full = vi.hoisted(() => ({ name: '' }));

vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  return {
    ...fs,
    renameSync(from, to) {
      if (full.name === '' || !String(to).endsWith(full.name)) return fs.renameSync(from, to);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28 });
    },
  };
});

/** When a folder is watched, before anybody knows its watcher. */
const begun = vi.hoisted(() => ({ watching: (_watcher: { close(): void }) => {} }));

vi.mock(import('#adapters/host/watcher.ts'), async (original) => {
  const { watchTree } = await original();
  return {
    async watchTree(...args) {
      const watcher = await watchTree(...args);
      begun.watching(watcher);
      return watcher;
    },
  };
});

afterEach(() => {
  full.name = '';
  begun.watching = () => {};
});

function runnerOf(context: FolderContext, changed: Partial<OpenFolder> = {}) {
  const runner = createFolderRunner(context, (...claimed) => ({ ...openFolder(...claimed), ...changed }));
  onTestFinished(() => runner.stop());
  return runner;
}

/** The runner's waits are over at once. */
function hurry(): void {
  let nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    nowMs += 60_000;
    return nowMs;
  });
  onTestFinished(() => clock.mockRestore());
}

/** An upload in parts that was not finished, whose file nobody can look at any more. */
async function unfinished() {
  const setup = receiveSetup({ mode: 'mirror', symlinks: 'follow' });
  setup.context.settings.exclusive = true;
  const [path, key] = [Buffer.from('loop'), setup.key('loop')];
  const uploadId = await setup.memory.createMultipart(key, { metadata: {} });
  const state = { dev: 1n, ino: 1n, sizeBytes: 9, mtimeNs: 1n, ctimeNs: 1n };
  setup.index.beginUpload({ folder: 'in', path, ...state, key, uploadId, partBytes: 5, parts: [] });
  symlinkSync('loop', setup.path('loop'));
  writeFileSync(setup.path('f'), 'content');
  return setup;
}

it('works although the file of an unfinished upload cannot be looked at', async () => {
  const { context, inBucket, messages } = await unfinished();
  const runner = runnerOf(context);
  await runner.run();
  expect(runner.view().state).toBe('working');
  await expect.poll(() => inBucket('f'), SOON).toBe(true);
  expect(messages('WARN')).toContainEqual(expect.stringContaining('unfinished uploads were not looked for'));
});

it('makes a pass although the file of an unfinished upload cannot be looked at', async () => {
  const { context, inBucket } = await unfinished();
  expect(await runnerOf(context).once()).toEqual(expect.any(Number));
  expect(inBucket('f')).toBe(true);
});

it.each([
  Object.assign(new Error('EMFILE: too many open files, inotify_init'), {
    code: 'EMFILE',
    errno: -24,
    syscall: 'inotify_init',
  }),
  new SyncError('the store is away', { op: 'ListParts', retryable: true }),
])('starts without a folder that cannot be watched, and takes it when it can: %s', async (error) => {
  const { context } = receiveSetup({ mode: 'mirror' });
  let failing = true;
  const runner = createFolderRunner(context, (...claimed) => {
    const open = openFolder(...claimed);
    return { ...open, watch: () => (failing ? Promise.reject(error) : open.watch()) };
  });
  onTestFinished(() => runner.stop());
  await runner.run();
  expect(runner.view()).toMatchObject({ state: 'unavailable', reason: error.message });
  failing = false;
  hurry();
  await expect.poll(() => runner.view().state, SOON).toBe('working');
});

it('does not start with a folder that fails for a reason that stays', async () => {
  const { context } = receiveSetup({ mode: 'mirror' });
  const error = new SyncError('denied', { op: 'watch', retryable: false });
  await expect(runnerOf(context, { watch: () => Promise.reject(error) }).run()).rejects.toBe(error);
});

it('watches nothing any more when it was stopped while it began to watch', async () => {
  const { context } = receiveSetup({ mode: 'mirror' });
  const runner = runnerOf(context);
  const watching: string[] = [];
  begun.watching = (watcher) => {
    watching.push('begun');
    vi.spyOn(watcher, 'close').mockImplementation(() => void watching.push('ended'));
    void runner.stop();
  };
  await runner.run();
  expect(watching).toEqual(['begun', 'ended']);
});

it.each([0, 1])(
  'puts back from the trash what it can, and says of the rest once that it cannot: %i',
  async (nth) => {
    const { context, path, has, messages } = receiveSetup({ mode: 'mirror' });
    const bury = (name: string, place?: string) => {
      writeFileSync(path(`${TRASH}/${name}`), name);
      if (place !== undefined) symlinkSync(place, path(`${TRASH}/${name}.path`));
    };
    mkdirSync(path(TRASH), { recursive: true });
    for (const name of ['a', 'b']) bury(name);
    // In the order in which they are found.
    readdirSync(path(TRASH)).forEach((name, n) => {
      symlinkSync(n === nth ? `${TOO_LONG}/f` : 'back', path(`${TRASH}/${name}.path`));
    });
    await runnerOf(context).run();
    expect(has('back')).toBe(true);
    hurry();
    bury('later', 'later');
    await expect.poll(() => has('later'), SOON).toBe(true);
    expect(messages('ERROR')).toEqual([expect.stringContaining('ENAMETOOLONG')]);
  },
);

/** What an earlier run leaves that was ended between an upload and its markers. */
async function unmarked() {
  const setup = receiveSetup({ mode: 'append', marker: 'done.txt' });
  mkdirSync(setup.path('d'));
  writeFileSync(setup.path('d/f'), 'content');
  const runner = runnerOf(setup.context);
  await runner.run();
  await expect.poll(() => setup.row('d/f')?.state, SOON).toBe('synced');
  await runner.stop();
  const markers = ['d/done.txt', 'done.txt'];
  for (const marker of markers) rmSync(setup.path(marker), { force: true });
  return { ...setup, isMarked: () => markers.every(setup.has) };
}

it('writes the markers that an earlier run did not come to', async () => {
  const { context, isMarked } = await unmarked();
  await runnerOf(context).run();
  await expect.poll(isMarked, SOON).toBe(true);
});

it('writes markers that could not be written when they can be', async () => {
  const { context, isMarked, messages } = await unmarked();
  full.name = 'd/done.txt';
  await runnerOf(context).run();
  await expect.poll(() => messages('ERROR'), SOON).toEqual([expect.stringContaining('ENOSPC')]);
  full.name = '';
  hurry();
  await expect.poll(isMarked, SOON).toBe(true);
});

it('counts it as a failure of a pass over an empty folder that the store did not say whose the folder is', async () => {
  const { context, memory } = receiveSetup({ mode: 'move' });
  context.settings.exclusive = true;
  memory.before((op) => {
    if (op === 'head') throw new SyncError('wrong keys', { op, retryable: false, code: 'AccessDenied' });
  });
  const refused = runnerOf(context);
  expect(await refused.once()).toBe(1);
  await refused.stop();
  memory.before(() => undefined);
  expect(await runnerOf(context).once()).toBe(0);
});
