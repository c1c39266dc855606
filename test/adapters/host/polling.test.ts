import { chmodSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createPoller, type PollerEvents } from '#adapters/host/polling.ts';
import { polledTree } from '#adapters/host/polling-tree.ts';
import { temporaryFolder } from './folder.ts';
import { startWatcher } from './watcher-process.ts';

const thread = vi.hoisted(() => ({ fails: false }));

vi.mock(import('#adapters/host/worker.ts'), async (original) => {
  const { startWorker } = await original();
  return { startWorker: (name, options) => startWorker(thread.fails ? 'absent-worker' : name, options) };
});

function poller(events: Partial<PollerEvents>) {
  const nothing = () => undefined;
  const others = { onDirty: nothing, onGone: nothing, onProblem: nothing, check: nothing };
  const more = { beforeRound: nothing, onSettled: nothing, onFailed: nothing };
  const one = createPoller(Buffer.from(temporaryFolder()), 60_000, { ...others, ...more, ...events });
  onTestFinished(() => one.close());
  return one;
}

function looking(root: string, top = '') {
  const tree = polledTree(Buffer.from(root), Buffer.from(top));
  const look = () => {
    const told: string[] = [];
    tree.look({
      onDirty: (path) => told.push(`dirty ${path}`),
      onGone: (path) => told.push(`gone ${path}`),
      onProblem: (op, path, { code }) => told.push(`${op} ${path}: ${code}`),
    });
    return told.sort();
  };
  return { tree, look };
}

test('the first look tells everything, the next only what has changed', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'd/e'), { recursive: true });
  for (const path of ['1', 'd/2', 'd/e/3', 'd/e/4']) writeFileSync(join(root, path), 'x');
  const { tree, look } = looking(root);
  expect(look()).toEqual(['dirty 1', 'dirty d/2', 'dirty d/e/3', 'dirty d/e/4']);
  expect([look(), tree.directories]).toEqual([[], 3]);
  writeFileSync(join(root, 'd/e/4'), 'y');
  expect(look()).toEqual(['dirty d/e/4']);
  utimesSync(join(root, '1'), 0, 0);
  expect(look()).toEqual(['dirty 1']);
  renameSync(join(root, 'd/e'), join(root, 'e'));
  expect(look()).toEqual(['dirty e/3', 'dirty e/4', 'gone d/e']);
  renameSync(join(root, 'd'), join(temporaryFolder(), 'd'));
  expect([look(), look(), tree.directories]).toEqual([['gone d'], [], 2]);
});

test('a part of the folder is looked at with all its paths from the root, and is gone when its top is', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'd/.sluice'), { recursive: true });
  writeFileSync(join(root, 'd/.sluice/file'), 'x');
  writeFileSync(join(root, 'beside'), 'x');
  const { look } = looking(root, 'd');
  expect(look()).toEqual(['dirty d/.sluice/file']);
  renameSync(join(root, 'd'), join(temporaryFolder(), 'd'));
  expect(look()).toEqual(['gone d']);
});

test('a folder that has vanished is not an empty one', () => {
  const root = join(temporaryFolder(), 'root');
  const aside = join(temporaryFolder(), 'root');
  mkdirSync(root);
  writeFileSync(join(root, 'file'), 'x');
  const { look } = looking(root);
  expect(look()).toEqual(['dirty file']);
  renameSync(root, aside);
  expect(look()).toEqual([]);
  renameSync(aside, root);
  expect(look()).toEqual([]);
});

test('a directory that cannot be read is said once and is not an empty one', async () => {
  const root = temporaryFolder();
  const closed = join(root, 'd/closed');
  mkdirSync(join(closed, 'deep'), { recursive: true });
  writeFileSync(join(closed, 'deep/file'), 'x');
  writeFileSync(join(root, 'control'), 'x');
  // In a user namespace without a mapping the owner of the files is nobody special.
  const child = await startWatcher('polling', root, 'true', '-U');
  chmodSync(closed, 0);
  onTestFinished(() => chmodSync(closed, 0o700));
  await child.until(['problem']);
  for (const round of ['1', '2', '3']) {
    writeFileSync(join(root, 'control'), round);
    await child.until(['dirty', 'control']);
  }
  chmodSync(closed, 0o700);
  writeFileSync(join(closed, 'deep/new'), 'x');
  await child.until(['dirty', 'd/closed/deep/new']);
  const told = child.told.filter(([, path]) => path !== 'control');
  expect(told).toEqual([
    ['watching', 'polling', '4'],
    ['problem', expect.stringContaining('d/closed: EACCES')],
    ['dirty', 'd/closed/deep/new'],
  ]);
});

test('a poller whose only top goes before its first look waits for nothing but the next round', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const top = Buffer.from('d');
  let settled = 0;
  const one = poller({ onSettled: () => settled++ });
  for (const time of [1, 2]) {
    one.add(top, true);
    one.remove(top);
    await expect.poll(() => settled).toBe(time);
  }
  expect([one.busy, vi.getTimerCount()]).toEqual([false, 1]);
});

test('a poller that cannot work is not waited for', async () => {
  thread.fails = true;
  onTestFinished(() => {
    thread.fails = false;
  });
  const busy = await new Promise<boolean>((resolve) => {
    const one = poller({ onFailed: () => resolve(one.busy) });
    one.add(Buffer.alloc(0), true);
    expect(one.busy).toBe(true);
  });
  expect(busy).toBe(false);
});
