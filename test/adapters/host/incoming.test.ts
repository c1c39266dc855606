import {
  appendFileSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createIncoming, swapPath } from '#adapters/host/incoming.ts';
import { leaseBroken, takeReadLease } from '#adapters/host/lease.ts';
import { openDurable, openExisting } from '#adapters/host/parent.ts';
import { placeFile } from '#adapters/host/place.ts';
import { createSharedSync } from '#adapters/host/shared-sync.ts';
import { statOf } from '#adapters/host/tree.ts';
import { runInChild, startChild, temporaryFolder } from './folder.ts';
import { incomingSetup, NAME } from './incoming-setup.ts';

it('writes out of sight, for nobody else to read, under a short name', () => {
  const { root, incoming, temporary } = incomingSetup();
  const file = incoming.begin(`${'deep/'.repeat(100)}${'n'.repeat(255)}`);
  const [name = ''] = temporary();
  expect(name.length).toBeLessThan(40);
  expect(statSync(join(root, '.sluice/incoming', name)).mode & 0o777).toBe(0o600);
  file.release();
  expect(temporary()).toEqual([]);
});

it('never writes into a file that is there already', () => {
  const { root, incoming, temporary } = incomingSetup();
  incoming.begin('f').release();
  const other = createIncoming(Buffer.from(root));
  const first = other.begin('f');
  const [name = ''] = temporary();
  expect(() => createIncoming(Buffer.from(root)).begin('f')).toThrow(/EEXIST/);
  first.release();
  writeFileSync(join(root, 'outside'), 'theirs');
  symlinkSync(join(root, 'outside'), join(root, '.sluice/incoming', name));
  expect(() => createIncoming(Buffer.from(root)).begin('f')).toThrow(/EEXIST/);
  expect(readFileSync(join(root, 'outside'), 'utf8')).toBe('theirs');
});

it('removes what a crash left, and nothing else', () => {
  const { root, incoming, temporary } = incomingSetup();
  expect(incoming.clear()).toEqual({ removed: 0, kept: [] });
  writeFileSync(join(root, '.sluice/incoming/half'), 'half');
  writeFileSync(join(root, 'f'), 'whole');
  expect(incoming.clear()).toEqual({ removed: 1, kept: [] });
  expect(temporary()).toEqual([]);
  expect(existsSync(join(root, 'f'))).toBe(true);
});

it.each([
  ['before a download is swapped in', 'new', []],
  ['after it was swapped in', 'old', []],
  ['after it was swapped in for what somebody had put there', 'theirs', ['theirs']],
])('knows what a crash left %s', (_moment, left, kept) => {
  const { root, incoming } = incomingSetup();
  incoming.begin('f').release();
  for (const content of ['new', 'old', 'theirs']) writeFileSync(join(root, content), content);
  const state = (name: string) => statOf(Buffer.from(join(root, name)));
  const download = Buffer.from(join(root, '.sluice/incoming/0a1b-7'));
  renameSync(join(root, left), swapPath(download, state('new'), state('old')));
  const cleared = incoming.clear();
  expect(cleared.kept.map((name) => readFileSync(join(root, String(name)), 'utf8'))).toEqual(kept);
  expect(cleared.removed).toBe(1 - kept.length);
});

it('gives a finished file its name, with the state that it has then', async () => {
  const { finished, place, read, root, temporary } = incomingSetup();
  const file = await finished('content');
  const placed = await place(file, false, 'a/b');
  expect(read('a/b/f')).toBe('content');
  file.release();
  expect(temporary()).toEqual([]);
  const stat = lstatSync(join(root, 'a/b/f'), { bigint: true });
  expect(placed).toMatchObject({ state: { ino: stat.ino, ctimeNs: stat.ctimeNs, sizeBytes: 7 } });
});

it('has nobody find the file open for writing', async () => {
  const { finished, place } = incomingSetup();
  const file = await finished('content');
  await place(file);
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${file.fd}`, 'utf8'))?.[1] ?? '';
  expect(Number.parseInt(flags, 8) & 3).toBe(0);
});

it('finishes a file that nobody may read, not even its owner', async () => {
  const root = temporaryFolder();
  const module = new URL('../../../adapters/host/incoming.ts', import.meta.url).href;
  // Root may read everything.
  if (process.getuid?.() === 0) chownSync(root, 65534, 65534);
  const script = `
    import(process.argv[1]).then(async ({ createIncoming }) => {
      if (process.getuid() === 0) process.setuid(65534);
      const incoming = createIncoming(Buffer.from(process.argv[2]));
      const file = incoming.begin('f');
      await file.write(Buffer.from('content'));
      await file.finish({ mode: 0 });
      fs.renameSync(file.path, process.argv[2] + '/f');
      file.release();
    });`;
  await runInChild(script, module, root);
  expect(statSync(join(root, 'f'))).toMatchObject({ size: 7, mode: constants.S_IFREG });
});

it('replaces ours, and keeps the name taken all the while', async () => {
  const { finished, place, read, root, aside, temporary } = incomingSetup();
  const old = await finished('old', 'one');
  await place(old);
  old.release();
  const file = await finished('new', 'two');
  await place(file, true);
  expect(read('f')).toBe('new');
  file.release();
  expect(readdirSync(root).sort()).toEqual(['.sluice', 'f']);
  expect([aside, temporary()]).toEqual([[], []]);
});

it('moves anything else aside', async () => {
  const { finished, place, read, root, aside } = incomingSetup();
  writeFileSync(join(root, 'f'), 'theirs');
  await place(await finished('new'));
  expect([read('f'), read('f.sluice-conflict-1')]).toEqual(['new', 'theirs']);
  expect(aside).toEqual(['f.sluice-conflict-1']);
});

it('keeps a file that took the place of ours at the last moment', async () => {
  const { finished, incoming, policy, read, root, aside } = incomingSetup();
  writeFileSync(join(root, 'f'), 'ours');
  const file = await finished('new');
  const directory = await incoming.directory(Buffer.alloc(0));
  const swapped = () => {
    writeFileSync(join(root, 'f.new'), 'theirs, new');
    renameSync(join(root, 'f.new'), join(root, 'f'));
    return true;
  };
  await placeFile(directory, NAME, file, { ...policy(true), isOurs: swapped });
  closeSync(directory.fd);
  expect([read('f'), read('f.sluice-conflict-1')]).toEqual(['new', 'theirs, new']);
  expect(aside).toEqual(['f.sluice-conflict-1']);
});

it('keeps a replaced file that a writer was about to write, with what is written into it then', async () => {
  const { root, finished, incoming, policy, read, aside } = incomingSetup();
  writeFileSync(join(root, 'f'), 'old');
  const fd = openSync(join(root, 'f'), 'r');
  expect(takeReadLease(fd)).toBe('held');
  const writer = startChild(
    "fs.appendFileSync(process.argv[1], ', and more'); console.log('written')",
    join(root, 'f'),
  );
  await expect.poll(() => leaseBroken(fd)).toBe(true);
  const file = await finished('new');
  const directory = await incoming.directory(Buffer.alloc(0));
  const hold = () => ({ broken: leaseBroken(fd), release: () => undefined });
  await placeFile(directory, NAME, file, { ...policy(true), hold });
  closeSync(directory.fd);
  closeSync(fd);
  expect(await writer.line()).toBe('written');
  expect([read('f'), read('f.sluice-conflict-1')]).toEqual(['new', 'old, and more']);
  expect(aside).toEqual(['f.sluice-conflict-1']);
});

it('leaves a directory or a symlink of that name where it is', async () => {
  const { finished, place, root } = incomingSetup();
  mkdirSync(join(root, 'f'));
  expect(await place(await finished('x', 'one'))).toEqual({ blocked: 'directory' });
  rmdirSync(join(root, 'f'));
  symlinkSync('/etc/passwd', join(root, 'f'));
  expect(await place(await finished('x', 'two'))).toEqual({ blocked: 'symlink' });
  expect(lstatSync(join(root, 'f')).isSymbolicLink()).toBe(true);
});

it('takes the file back when its name cannot be made safe from a power cut', async () => {
  const { finished, incoming, policy, root, temporary } = incomingSetup();
  const file = await finished('content');
  const directory = await incoming.directory(Buffer.alloc(0));
  const device = openSync('/dev/null', 'r');
  onTestFinished(() => closeSync(device));
  const broken = { path: directory.path, fd: device };
  await expect(placeFile(broken, NAME, file, policy(false))).rejects.toThrow(/fsync/);
  closeSync(directory.fd);
  expect(existsSync(join(root, 'f'))).toBe(false);
  expect(temporary()).toHaveLength(1);
  file.release();
  expect(temporary()).toEqual([]);
});

it('leaves what somebody has written into the file to them when its name cannot be made safe', async () => {
  const { finished, incoming, policy, read } = incomingSetup();
  const file = await finished('received');
  const directory = await incoming.directory(Buffer.alloc(0));
  onTestFinished(() => closeSync(directory.fd));
  const sync = async () => {
    appendFileSync(join(directory.path.toString(), 'f'), ', and edited');
    throw new Error('EIO: i/o error, fsync');
  };
  await expect(placeFile(directory, NAME, file, { ...policy(false), sync })).rejects.toThrow('EIO');
  file.release();
  expect(read('f')).toBe('received, and edited');
});

it('makes no directory where none is asked for, and follows no symlink on the way', async () => {
  const { root, incoming } = incomingSetup();
  const outside = temporaryFolder();
  symlinkSync(outside, join(root, 'link'));
  expect(() => openExisting(Buffer.from(root), Buffer.from('none/x'))).toThrow(/ENOENT/);
  expect(existsSync(join(root, 'none'))).toBe(false);
  await expect(incoming.directory(Buffer.from('link/x'))).rejects.toThrow(/ELOOP|ENOTDIR/);
  await expect(incoming.directory(Buffer.from('a/../../x'))).rejects.toThrow(/leads out/);
  expect(readdirSync(outside)).toEqual([]);
});

it('remembers which directories are safe, and knows a new one of the same name', async () => {
  const root = temporaryFolder();
  const durable = new Map<string, string>();
  const sync = createSharedSync();
  const path = Buffer.from('a/b');
  const open = async () => closeSync((await openDurable(Buffer.from(root), path, durable, sync)).fd);
  await open();
  const first = new Map(durable);
  expect([...first.keys()]).toEqual(['/a', '/a/b']);
  await open();
  expect(durable).toEqual(first);
  rmdirSync(join(root, 'a/b'));
  await open();
  expect(durable.get('/a')).toBe(first.get('/a'));
  expect(durable.get('/a/b')).not.toBe(first.get('/a/b'));
});

it('leaves no file open when nobody can say whether the file that has the name is being written', async () => {
  const { finished, incoming, policy, root } = incomingSetup();
  writeFileSync(join(root, 'f'), 'theirs');
  const file = await finished('ours');
  const directory = await incoming.directory(Buffer.from(''));
  onTestFinished(() => closeSync(directory.fd));
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const hold = () => {
    throw new Error('ENOMEM');
  };
  await expect(placeFile(directory, NAME, file, { ...policy(true), hold })).rejects.toThrow('ENOMEM');
  expect(open()).toBe(before);
});
