import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watcherContract } from '../../contracts/watcher.ts';
import { temporaryFolder } from './folder.ts';
import { mayUseFanotify, watched } from './watched.ts';
import { startWatcher } from './watcher-process.ts';

const limitTo = (limit: number) => `echo ${limit} > /proc/sys/user/max_inotify_watches`;

watcherContract('inotify');
watcherContract('polling');
if (mayUseFanotify()) watcherContract('fanotify');
else {
  test('fanotify is refused without its capabilities, and the refusal names them', async () => {
    await expect(watched('fanotify')).rejects.toMatchObject({
      name: 'SyncError',
      hint: expect.stringContaining('CAP_SYS_ADMIN'),
    });
  });
}

test('auto takes inotify, fanotify for many directories where it is allowed, else polling', async () => {
  const root = temporaryFolder();
  const one = await watched('auto', root);
  expect(one.watcher.kind).toBe('inotify');
  const without = async (prepare: string) => (await startWatcher('auto', root, prepare)).run('true');
  expect(await without('true')).toEqual(['done', 'inotify', '1']);
  expect(await without('echo 0 > /proc/sys/user/max_inotify_instances')).toEqual(['done', 'polling', '1']);
  expect(await without(limitTo(0))).toEqual(['done', 'polling', '1']);
});

test('auto changes to fanotify when a folder has many directories, at the start and later, and misses nothing', async () => {
  const kind = mayUseFanotify() ? 'fanotify' : 'inotify';
  const root = temporaryFolder();
  for (const name of ['a', 'b', 'c', 'd']) mkdirSync(join(root, name));
  const atStart = await watched('auto', root, { maxDirectories: 3 });
  expect(atStart.watcher.kind).toBe(kind);
  writeFileSync(join(root, 'd/f'), 'x');
  await atStart.until(() => atStart.dirty.has('d/f'));
  expect(atStart.rescans).toEqual([]);

  const later = await watched('auto', root, { maxDirectories: 6 });
  expect(later.watcher.kind).toBe('inotify');
  for (const name of ['e', 'f', 'g', 'h']) mkdirSync(join(root, name));
  await later.until(() => later.rescans.length > 0);
  expect(later.rescans).toEqual(['the folder has many directories now']);
  expect(later.watcher.kind).toBe(kind);
  writeFileSync(join(root, 'h/f'), 'x');
  await later.until(() => later.dirty.has('h/f'));
});

test('inotify holds one watch for each directory, and none for those that are gone', async () => {
  const outside = temporaryFolder();
  const root = temporaryFolder();
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  const { dirty, until, watcher } = await watched('inotify', root);
  expect(watcher.watchCount).toBe(4);
  renameSync(join(root, 'a/b'), join(outside, 'b'));
  mkdirSync(join(root, 'other'));
  for (let n = 0; watcher.watchCount !== 3; n++) {
    writeFileSync(join(root, 'other', `${n}`), 'x');
    await until(() => dirty.has(`other/${n}`));
  }
  rmSync(join(root, 'a'), { recursive: true });
  writeFileSync(join(root, 'last'), 'x');
  await until(() => dirty.has('last'));
  expect(watcher.watchCount).toBe(2);
});

test.each(['inotify', 'auto'])(
  '%s: what the watch limit leaves out is polled, said once, and watched when there are watches again',
  async (kind) => {
    const root = temporaryFolder();
    const directories: string[] = [];
    for (let n = 0; n < 10; n++) directories.push(`${n}/a`, `${n}/b/c`);
    for (const directory of directories) mkdirSync(join(root, directory), { recursive: true });
    writeFileSync(join(root, '3/b/old'), 'x');
    const child = await startWatcher(kind, root, limitTo(10));
    for (const directory of directories) await child.run(`echo x > ${root}/${directory}/file`);
    for (const directory of directories) await child.until(['dirty', `${directory}/file`]);
    await child.run(`mkdir -p ${root}/new/deep && echo x > ${root}/new/deep/file`);
    await child.until(['dirty', 'new/deep/file']);
    await child.run(`mv ${root}/3 ${root}/moved`);
    await child.until(['dirty', 'moved/b/old']);
    await child.until(['gone', '3']);
    await child.run(`rm -r ${root}/moved ${root}/4/b`);
    await child.until(['gone', 'moved']);
    await child.until(['gone', '4/b']);
    const problems = child.told.filter(([what]) => what === 'problem');
    expect(problems).toEqual([['problem', expect.stringContaining('fs.inotify.max_user_watches')]]);
    expect(child.told.filter(([what]) => what === 'rescan')).toEqual([]);
    await child.run(limitTo(1000));
    const everything = 1 + 9 * 4 - 2 + 2;
    for (let count = 0; count !== everything; ) count = Number((await child.run('true'))[2]);
    await child.run(`echo x > ${root}/new/deep/again`);
    await child.until(['dirty', 'new/deep/again']);
  },
);

test('the folder itself needs a watch, and the refusal names the limit', async () => {
  await expect(startWatcher('inotify', temporaryFolder(), limitTo(0))).rejects.toThrow('max_user_watches');
});

test('inotify: both places of a directory that is mounted at another are told, and it is said once', async () => {
  const root = temporaryFolder();
  for (const name of ['a', 'b']) mkdirSync(join(root, name));
  const child = await startWatcher('inotify', root, `mount --bind ${root}/a ${root}/b`);
  for (const name of ['1', '2']) {
    await child.run(`echo x > ${root}/a/${name}`);
    for (const place of ['a', 'b']) await child.until(['dirty', `${place}/${name}`]);
  }
  const told = child.told.filter(([what]) => what === 'problem' || what === 'rescan');
  expect(told).toEqual([['problem', expect.stringContaining('bind mount')]]);
});

test('inotify comes to rest although a directory is mounted within itself', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'a/b'), { recursive: true });
  const child = await startWatcher('inotify', root, `mount --bind ${root}/a ${root}/a/b`);
  await child.run(`echo x > ${root}/beside && echo x > ${root}/a/f`);
  for (const path of ['beside', 'a/f', 'a/b/f']) await child.until(['dirty', path]);
  expect(child.told.filter(([what]) => what === 'rescan')).toEqual([]);
});
