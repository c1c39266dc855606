import { linkSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HIDDEN_DIRECTORY } from '#adapters/host/tree.ts';
import { type Watcher, watchTree } from '#adapters/host/watcher.ts';
import { runInChild, temporaryFolder } from './folder.ts';

interface Watched {
  watcher: Watcher;
  root: string;
  dirty: Set<string>;
  rescans: string[];
  problems: string[];
  /** Resolves as soon as the condition holds after some event. */
  until(condition: () => boolean): Promise<void>;
}

async function watched(root = temporaryFolder()): Promise<Watched> {
  const dirty = new Set<string>();
  const rescans: string[] = [];
  const problems: string[] = [];
  const waiting = new Set<() => void>();
  const look = () => {
    for (const check of waiting) check();
  };
  const watcher = await watchTree(Buffer.from(root), {
    onDirty(path) {
      dirty.add(path.toString('latin1'));
      look();
    },
    onRescan(reason) {
      rescans.push(reason);
      look();
    },
    onProblem(error) {
      problems.push(error.message);
      look();
    },
  });
  onTestFinished(() => watcher.close());
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { watcher, root, dirty, rescans, problems, until };
}

test('nothing is lost of 2,000 files that another process creates in fresh nested directories', async () => {
  const { root, dirty, until, rescans, problems, watcher } = await watched();
  await runInChild(
    `const [root] = process.argv.slice(1);
     for (let d = 0; d < 200; d++) {
       const directory = root + '/' + (d % 7) + '/' + (d % 31) + '/' + d;
       fs.mkdirSync(directory, { recursive: true });
       for (let f = 0; f < 10; f++) fs.writeFileSync(directory + '/' + f, 'x');
     }`,
    root,
  );
  const expected: string[] = [];
  for (let d = 0; d < 200; d++) {
    for (let f = 0; f < 10; f++) expected.push(`${d % 7}/${d % 31}/${d}/${f}`);
  }
  await until(() => expected.every((path) => dirty.has(path)));
  expect([...dirty].sort()).toEqual(expected.sort());
  expect([rescans, problems]).toEqual([[], []]);
  expect(watcher.watchCount).toBe(
    1 + 7 + new Set(expected.map((path) => path.split('/', 2).join('/'))).size + 200,
  );
});

test('a renamed directory has its files reported at the new path, and later events too', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'a/deep'), { recursive: true });
  writeFileSync(join(root, 'a/deep/old'), 'x');
  const { dirty, until, watcher } = await watched(root);
  expect([watcher.watchCount, dirty.size]).toEqual([3, 0]);
  renameSync(join(root, 'a'), join(root, 'b'));
  await until(() => dirty.has('b/deep/old'));
  writeFileSync(join(root, 'b/deep/new'), 'x');
  await until(() => dirty.has('b/deep/new'));
  expect(watcher.watchCount).toBe(3);
  expect([...dirty].filter((path) => path.startsWith('a/'))).toEqual([]);
});

test('a directory moved in is listed and watched; one moved out is no longer watched', async () => {
  const outside = temporaryFolder();
  mkdirSync(join(outside, 'in/deep'), { recursive: true });
  writeFileSync(join(outside, 'in/deep/file'), 'x');
  const { root, dirty, until, watcher } = await watched();
  renameSync(join(outside, 'in'), join(root, 'in'));
  await until(() => dirty.has('in/deep/file'));
  writeFileSync(join(root, 'in/deep/later'), 'x');
  await until(() => dirty.has('in/deep/later'));
  expect(watcher.watchCount).toBe(3);
  renameSync(join(root, 'in'), join(outside, 'out'));
  mkdirSync(join(root, 'other'));
  for (let n = 0; watcher.watchCount !== 2; n++) {
    writeFileSync(join(root, 'other', `${n}`), 'x');
    await until(() => dirty.has(`other/${n}`));
  }
  writeFileSync(join(outside, 'out/deep/unseen'), 'x');
  writeFileSync(join(root, 'last'), 'x');
  await until(() => dirty.has('last'));
  expect([...dirty].filter((path) => path.endsWith('unseen'))).toEqual([]);
});

test('two directories that change places are both reported and followed', async () => {
  const root = temporaryFolder();
  for (const name of ['a', 'b']) {
    mkdirSync(join(root, name, name), { recursive: true });
    writeFileSync(join(root, name, name, 'file'), 'x');
  }
  const { dirty, until, rescans, watcher } = await watched(root);
  renameSync(join(root, 'a'), join(root, 't'));
  renameSync(join(root, 'b'), join(root, 'a'));
  renameSync(join(root, 't'), join(root, 'b'));
  await until(() => dirty.has('a/b/file') && dirty.has('b/a/file'));
  writeFileSync(join(root, 'a/b/new'), 'x');
  await until(() => dirty.has('a/b/new'));
  expect([watcher.watchCount, rescans]).toEqual([5, []]);
});

test('a hard link, a file moved in and a name that is not UTF-8 are reported', async () => {
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'file'), 'x');
  const { root, dirty, until } = await watched();
  linkSync(join(outside, 'file'), join(root, 'linked'));
  await until(() => dirty.has('linked'));
  renameSync(join(outside, 'file'), join(root, 'moved'));
  await until(() => dirty.has('moved'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x');
  await until(() => dirty.has('\xff\xfe'));
});

test('the hidden directory in the root is not watched, and symlinked directories are not followed', async () => {
  const outside = temporaryFolder();
  mkdirSync(join(outside, 'd'));
  const { root, dirty, until, watcher } = await watched();
  mkdirSync(join(root, HIDDEN_DIRECTORY, 'trash'), { recursive: true });
  symlinkSync(join(outside, 'd'), join(root, 'symlink'));
  mkdirSync(join(root, 'sub', HIDDEN_DIRECTORY), { recursive: true });
  writeFileSync(join(root, HIDDEN_DIRECTORY, 'trash/file'), 'x');
  writeFileSync(join(outside, 'd/file'), 'x');
  writeFileSync(join(root, 'sub', HIDDEN_DIRECTORY, 'file'), 'x');
  await until(() => dirty.has(`sub/${HIDDEN_DIRECTORY}/file`));
  expect([...dirty].sort()).toEqual([`sub/${HIDDEN_DIRECTORY}/file`, 'symlink']);
  expect(watcher.watchCount).toBe(3);
});

test('a folder that vanishes is told, and watched again when it is back', async () => {
  const { root, dirty, rescans, problems, until, watcher } = await watched();
  rmdirSync(root);
  await until(() => rescans.length > 0);
  expect(rescans).toEqual(['the folder vanished']);
  expect(problems[0]).toContain('ENOENT');
  expect(watcher.watchCount).toBe(0);
  mkdirSync(root);
  await until(() => rescans.includes('the folder is back'));
  writeFileSync(join(root, 'file'), 'x');
  await until(() => dirty.has('file'));
});

test('an overflow of the queue rebuilds the watches and asks for a rescan', async () => {
  const root = temporaryFolder();
  const { rescans, until, dirty, watcher } = await watched(root);
  // The event loop stands still while the queue (fs.inotify.max_queued_events) fills up.
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, '0'), 'x');
  for (let n = 0; n < 20_000; n++) renameSync(join(root, `${n}`), join(root, `${n + 1}`));
  await until(() => rescans.length > 0);
  expect(rescans[0]).toContain('overflow');
  writeFileSync(join(root, 'd', 'after'), 'x');
  await until(() => dirty.has('d/after'));
  expect(watcher.watchCount).toBe(2);
});

test('a folder that is missing or a file is refused with its name', async () => {
  const root = temporaryFolder();
  await expect(watched(join(root, 'none'))).rejects.toMatchObject({ code: 'ENOENT', op: 'watch' });
  writeFileSync(join(root, 'file'), 'x');
  await expect(watched(join(root, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test('after close nothing is reported', async () => {
  const quiet = await watched();
  const control = await watched(quiet.root);
  quiet.watcher.close();
  writeFileSync(join(quiet.root, 'file'), 'x');
  await control.until(() => control.dirty.has('file'));
  expect(quiet.dirty.size).toBe(0);
  rmSync(join(quiet.root, 'file'));
  quiet.watcher.close();
});
