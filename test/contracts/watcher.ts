/** What every way to watch a folder must tell of. Run on fanotify, inotify and polling, on a real filesystem. */
import {
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { HIDDEN_DIRECTORY } from '#adapters/host/tree.ts';
import type { WatchKind } from '#adapters/host/watch-session.ts';
import { runInChild, temporaryFolder } from '../adapters/host/folder.ts';
import { isGone, watched } from '../adapters/host/watched.ts';
import { startWatcher } from '../adapters/host/watcher-process.ts';

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const linkat = koffi
  .load(null)
  .func('int linkat(int fromFd, const char *from, int toFd, const char *to, int flags)');

function fill(root: string, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), 'x');
  }
}

export function watcherContract(kind: WatchKind): void {
  // Polling has a directory open nearly all the time here; the others must never be in the way of an unmount.
  const unmount = kind === 'polling' ? 'umount -l' : 'umount';

  describe(`${kind} keeps the watcher contract`, () => {
    it('tells of a file that was written and closed, and of one that was written again', async () => {
      const one = await watched(kind);
      expect(one.watcher.kind).toBe(kind);
      fill(one.root, 'file');
      await one.until(() => one.dirty.has('file'));
      one.dirty.clear();
      writeFileSync(join(one.root, 'file'), 'more');
      await one.until(() => one.dirty.has('file'));
      expect([one.rescans, one.problems, [...one.gone]]).toEqual([[], [], []]);
    });

    it('tells nothing of what was there before', async () => {
      const root = temporaryFolder();
      fill(root, 'old', 'd/old');
      const one = await watched(kind, root);
      fill(root, 'd/new');
      await one.until(() => one.dirty.has('d/new'));
      expect([...one.dirty]).toEqual(['d/new']);
    });

    it('tells of a file deleted, replaced, moved in, moved out and moved within', async () => {
      const outside = temporaryFolder();
      const root = temporaryFolder();
      fill(outside, 'in');
      fill(root, 'deleted', 'out', 'd/from', 'replaced', 'new');
      const one = await watched(kind, root);
      rmSync(join(root, 'deleted'));
      renameSync(join(outside, 'in'), join(root, 'd/in'));
      renameSync(join(root, 'out'), join(outside, 'out'));
      renameSync(join(root, 'd/from'), join(root, 'to'));
      renameSync(join(root, 'new'), join(root, 'replaced'));
      await one.until(() => ['d/in', 'to', 'replaced'].every((path) => one.dirty.has(path)));
      await one.until(() => ['deleted', 'out', 'd/from', 'new'].every((path) => one.gone.has(path)));
      expect([...one.dirty].sort()).toEqual(['d/in', 'replaced', 'to']);
      expect([...one.gone].sort()).toEqual(['d/from', 'deleted', 'new', 'out']);
    });

    it('tells nothing of what goes when nobody wants to know', async () => {
      const root = temporaryFolder();
      fill(root, 'deleted', 'd/moved', 'e/file');
      const one = await watched(kind, root, { gone: false });
      rmSync(join(root, 'deleted'));
      renameSync(join(root, 'd/moved'), join(root, 'moved'));
      rmSync(join(root, 'e'), { recursive: true });
      await one.until(() => one.dirty.has('moved'));
      fill(root, 'last');
      await one.until(() => one.dirty.has('last'));
      expect([[...one.gone], [...one.dirty].sort()]).toEqual([[], ['last', 'moved']]);
    });

    it('tells of a hard link and of an unnamed file that is given its name', async () => {
      const outside = temporaryFolder();
      fill(outside, 'file');
      const one = await watched(kind);
      linkSync(join(outside, 'file'), join(one.root, 'linked'));
      await one.until(() => one.dirty.has('linked'));
      const fd = openSync(one.root, O_TMPFILE | constants.O_RDWR);
      writeSync(fd, 'x');
      const from = `/proc/self/fd/${fd}`;
      expect(linkat(AT_FDCWD, from, AT_FDCWD, join(one.root, 'named'), AT_SYMLINK_FOLLOW)).toBe(0);
      closeSync(fd);
      await one.until(() => one.dirty.has('named'));
    });

    it('loses nothing of 2,000 files that another process creates in fresh nested directories', async () => {
      const one = await watched(kind);
      await runInChild(
        `const [root] = process.argv.slice(1);
         for (let d = 0; d < 200; d++) {
           const directory = root + '/' + (d % 7) + '/' + (d % 31) + '/' + d;
           fs.mkdirSync(directory, { recursive: true });
           for (let f = 0; f < 10; f++) fs.writeFileSync(directory + '/' + f, 'x');
         }`,
        one.root,
      );
      const expected: string[] = [];
      for (let d = 0; d < 200; d++) {
        for (let f = 0; f < 10; f++) expected.push(`${d % 7}/${d % 31}/${d}/${f}`);
      }
      await one.until(() => expected.every((path) => one.dirty.has(path)));
      expect([...one.dirty].sort()).toEqual(expected.sort());
      expect([one.rescans, one.problems]).toEqual([[], []]);
    });

    it('tells of all that is in a directory moved in, and of what happens in it later', async () => {
      const outside = temporaryFolder();
      fill(outside, 'in/deep/file');
      const one = await watched(kind);
      renameSync(join(outside, 'in'), join(one.root, 'in'));
      await one.until(() => one.dirty.has('in/deep/file'));
      fill(one.root, 'in/deep/later');
      await one.until(() => one.dirty.has('in/deep/later'));
    });

    it('tells of a directory moved out, and of nothing that happens in it later', async () => {
      const outside = temporaryFolder();
      const root = temporaryFolder();
      fill(root, 'd/deep/file');
      const one = await watched(kind, root);
      fill(root, 'd/deep/seen');
      await one.until(() => one.dirty.has('d/deep/seen'));
      renameSync(join(root, 'd'), join(outside, 'd'));
      await one.until(() => isGone(one, 'd/deep/file'));
      fill(outside, 'd/deep/unseen');
      fill(root, 'last');
      await one.until(() => one.dirty.has('last'));
      expect([...one.dirty].sort()).toEqual(['d/deep/seen', 'last']);
    });

    it('follows a renamed directory: gone at the old path, told at the new one, later events too', async () => {
      const root = temporaryFolder();
      fill(root, 'a/deep/old', 'p/q/file');
      const one = await watched(kind, root);
      fill(root, 'a/deep/before');
      await one.until(() => one.dirty.has('a/deep/before'));
      renameSync(join(root, 'a'), join(root, 'b'));
      await one.until(() => one.dirty.has('b/deep/old') && isGone(one, 'a/deep/old'));
      fill(root, 'b/deep/new');
      await one.until(() => one.dirty.has('b/deep/new'));
      renameSync(join(root, 'p/q'), join(root, 'b/deep/q'));
      await one.until(() => one.dirty.has('b/deep/q/file') && isGone(one, 'p/q/file'));
      fill(root, 'b/deep/q/new');
      await one.until(() => one.dirty.has('b/deep/q/new'));
      const old = [...one.dirty].filter((path) => path.startsWith('a/') || path.startsWith('p/'));
      expect(old).toEqual(['a/deep/before']);
    });

    it('tells where the files are when two directories change places', async () => {
      const root = temporaryFolder();
      fill(root, 'a/a/file', 'b/b/file');
      const one = await watched(kind, root);
      renameSync(join(root, 'a'), join(root, 't'));
      renameSync(join(root, 'b'), join(root, 'a'));
      renameSync(join(root, 't'), join(root, 'b'));
      await one.until(() => one.dirty.has('a/b/file') && one.dirty.has('b/a/file'));
      await one.until(() => isGone(one, 'a/a/file') && isGone(one, 'b/b/file'));
      fill(root, 'a/b/new');
      await one.until(() => one.dirty.has('a/b/new'));
      expect(one.rescans).toEqual([]);
    });

    it('tells of all that a recursive removal takes away', async () => {
      const root = temporaryFolder();
      fill(root, 'd/1', 'd/e/2', 'd/e/f/3', 'stays');
      const one = await watched(kind, root);
      rmSync(join(root, 'd'), { recursive: true });
      await one.until(() => ['d/1', 'd/e/2', 'd/e/f/3'].every((path) => isGone(one, path)));
      expect(isGone(one, 'stays')).toBe(false);
    });

    it('tells of a file in the place of a directory, and of a directory in the place of a file', async () => {
      const root = temporaryFolder();
      fill(root, 'd/file', 'f');
      const one = await watched(kind, root);
      rmSync(join(root, 'd'), { recursive: true });
      fill(root, 'd');
      rmSync(join(root, 'f'));
      fill(root, 'f/file');
      await one.until(() => one.dirty.has('d') && one.dirty.has('f/file'));
      await one.until(() => isGone(one, 'd/file') && isGone(one, 'f'));
    });

    it('keeps names that are not UTF-8 apart', async () => {
      const one = await watched(kind);
      const at = (name: number[]) => Buffer.concat([Buffer.from(`${one.root}/`), Buffer.from(name)]);
      writeFileSync(at([0xff]), 'x');
      mkdirSync(at([0xfe, 0x0a]));
      writeFileSync(at([0xfe, 0x0a, 0x2f, 0xfd]), 'x');
      await one.until(() => one.dirty.has('\xff') && one.dirty.has('\xfe\n/\xfd'));
      rmSync(at([0xff]));
      await one.until(() => one.gone.has('\xff'));
      expect([...one.dirty].sort()).toEqual(['\xfe\n/\xfd', '\xff']);
    });

    it('leaves out the hidden directory of the root, and does not follow symlinks', async () => {
      const outside = temporaryFolder();
      mkdirSync(join(outside, 'd'));
      const one = await watched(kind);
      fill(one.root, `${HIDDEN_DIRECTORY}/trash/file`);
      symlinkSync(join(outside, 'd'), join(one.root, 'symlink'));
      fill(outside, 'd/file');
      fill(one.root, `sub/${HIDDEN_DIRECTORY}/file`);
      rmSync(join(one.root, HIDDEN_DIRECTORY, 'trash'), { recursive: true });
      await one.until(() => one.dirty.has(`sub/${HIDDEN_DIRECTORY}/file`) && one.dirty.has('symlink'));
      fill(one.root, 'last');
      await one.until(() => one.dirty.has('last'));
      expect([...one.dirty].sort()).toEqual(['last', `sub/${HIDDEN_DIRECTORY}/file`, 'symlink']);
      expect([...one.gone]).toEqual([]);
    });

    it('tells of a flood that nobody read in time, or asks to look at everything', async () => {
      const root = temporaryFolder();
      fill(root, '0', 'd/old');
      const one = await watched(kind, root);
      // The event loop stands still while the queue fills up.
      const flood = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8')) + 1000;
      for (let n = 0; n < flood; n++) renameSync(join(root, `${n}`), join(root, `${n + 1}`));
      await one.until(() => one.dirty.has(`${flood}`) || one.rescans.length > 0);
      if (kind === 'inotify') expect(one.rescans[0]).toContain('overflow');
      else expect(one.rescans).toEqual([]);
      fill(root, 'd/after');
      await one.until(() => one.dirty.has('d/after'));
    });

    it('says that the folder vanished, tells nothing to be gone, and watches again when it is back', async () => {
      const aside = temporaryFolder();
      const root = join(temporaryFolder(), 'root');
      fill(root, 'file');
      const one = await watched(kind, root);
      renameSync(root, join(aside, 'root'));
      await one.until(() => one.rescans.length > 0);
      expect([one.rescans, one.problems.length]).toEqual([['the folder vanished'], 1]);
      expect(one.problems[0]).toContain('ENOENT');
      expect(one.watcher.watchCount).toBe(0);
      mkdirSync(root);
      await one.until(() => one.rescans.includes('the folder is back'));
      fill(root, 'new');
      await one.until(() => one.dirty.has('new'));
      expect([...one.gone]).toEqual([]);
    });

    it('says so when the filesystem of the folder is unmounted or mounted, and tells nothing to be gone', async () => {
      const root = temporaryFolder();
      const child = await startWatcher(kind, root, `mount -t tmpfs none ${root} && echo x > ${root}/file`);
      await child.run(`echo x > ${root}/early`);
      await child.until(['dirty', 'early']);
      await child.run(`${unmount} ${root}`);
      await child.until(['rescan']);
      await child.run(`echo x > ${root}/below`);
      await child.until(['dirty', 'below']);
      await child.run(`mount -t tmpfs none ${root}`);
      await child.until(['rescan']);
      await child.run(`echo x > ${root}/above`);
      await child.until(['dirty', 'above']);
      expect(child.told.filter(([what]) => what === 'gone' || what === 'problem')).toEqual([]);
    });

    it('watches a filesystem that is mounted in the folder, from its start and from later on', async () => {
      const root = temporaryFolder();
      mkdirSync(join(root, 'first'));
      mkdirSync(join(root, 'd/second'), { recursive: true });
      const child = await startWatcher(kind, root, `mount -t tmpfs none ${root}/first`);
      await child.run(`mkdir ${root}/first/d && echo x > ${root}/first/d/file`);
      await child.until(['dirty', 'first/d/file']);
      await child.run(`mount -t tmpfs none ${root}/d/second`);
      await child.until(['rescan', 'a filesystem was mounted or unmounted in the folder']);
      await child.run(`echo x > ${root}/d/second/file`);
      await child.until(['dirty', 'd/second/file']);
      await child.run(`${unmount} ${root}/first`);
      await child.until(['rescan']);
    });

    it('refuses a folder that is missing, a file or a symlink, with its name', async () => {
      const root = temporaryFolder();
      fill(root, 'file');
      symlinkSync(root, join(root, 'symlink'));
      await expect(watched(kind, join(root, 'none'))).rejects.toMatchObject({
        name: 'SyncError',
        code: 'ENOENT',
        op: 'watch',
        key: join(root, 'none'),
      });
      await expect(watched(kind, join(root, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(watched(kind, join(root, 'symlink'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    it('tells nothing after it was closed', async () => {
      const quiet = await watched(kind);
      const control = await watched(kind, quiet.root);
      quiet.watcher.close();
      fill(quiet.root, 'file');
      await control.until(() => control.dirty.has('file'));
      rmSync(join(quiet.root, 'file'));
      await control.until(() => control.gone.has('file'));
      expect([quiet.dirty.size, quiet.gone.size]).toEqual([0, 0]);
      quiet.watcher.close();
    });
  });
}
