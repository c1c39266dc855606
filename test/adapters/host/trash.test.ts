import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { removeEmptyParents } from '#adapters/host/empty-parents.ts';
import { onLeaseBreak, releaseLease, takeReadLease } from '#adapters/host/lease.ts';
import { recoverTrash, removeSafely } from '#adapters/host/trash.ts';
import { HIDDEN_DIRECTORY, openFile, statOf } from '#adapters/host/tree.ts';
import { startChild, temporaryFolder } from './folder.ts';

const TRASH = join(HIDDEN_DIRECTORY, 'trash');
const LONG_NAME = 'n'.repeat(255);
const nothing = () => undefined;

function openIn(root: string, path: string) {
  const fd = openSync(root, 'r');
  try {
    return openFile({ path: Buffer.from(root), fd }, Buffer.from(path), false);
  } finally {
    closeSync(fd);
  }
}

function leased(root: string, path: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), 'content');
  const file = openIn(root, path);
  if ('skipped' in file) throw new Error(file.skipped);
  onTestFinished(() => closeSync(file.fd));
  expect(takeReadLease(file.fd)).toBe('held');
  return { fd: file.fd, state: statOf(file.fd), bytes: Buffer.from(path), root: Buffer.from(root) };
}

/** A removal that was cut off between rename and unlink. */
function crashed(root: string, id: string, path: Buffer, content: string): void {
  mkdirSync(join(root, TRASH), { recursive: true });
  writeFileSync(join(root, TRASH, id), content);
  symlinkSync(path, join(root, TRASH, `${id}.path`));
}

test('an untouched file is removed and leaves nothing behind, whatever its name', () => {
  const root = temporaryFolder();
  for (const path of ['a', 'deep/er/file', `d/${LONG_NAME}`]) {
    const file = leased(root, path);
    expect(removeSafely(file.root, file.bytes, file.fd, file.state)).toBe('removed');
    expect(existsSync(join(root, path))).toBe(false);
  }
  expect(readdirSync(join(root, TRASH))).toEqual([]);
});

test('a file that a process opened for writing in between stays, and no byte of its writer is lost', async () => {
  const root = temporaryFolder();
  const file = leased(root, 'd/file');
  const broken = new Promise<void>((resolve) => {
    onTestFinished(onLeaseBreak(resolve));
  });
  const writer = startChild(
    `const fd = fs.openSync(process.argv[1], 'a');
     fs.writeSync(fd, ' and more');
     fs.closeSync(fd);
     console.log('written');`,
    join(root, 'd/file'),
  );
  await broken;
  expect(removeSafely(file.root, file.bytes, file.fd, file.state)).toBe('changed');
  releaseLease(file.fd);
  expect(await writer.line()).toBe('written');
  expect(readFileSync(join(root, 'd/file'), 'utf8')).toBe('content and more');
});

test('a file changed since it was looked at stays', () => {
  const root = temporaryFolder();
  const file = leased(root, 'file');
  const earlier = { ...file.state, mtimeNs: file.state.mtimeNs - 1n };
  expect(removeSafely(file.root, file.bytes, file.fd, earlier)).toBe('changed');
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('content');
});

test('a new file that has taken the name is put back untouched', () => {
  const root = temporaryFolder();
  const file = leased(root, 'file');
  // As if the name had been taken between the last look and the rename: the open file is unchanged elsewhere.
  renameSync(join(root, 'file'), join(root, 'elsewhere'));
  writeFileSync(join(root, 'file'), 'new');
  expect(removeSafely(file.root, file.bytes, file.fd, statOf(file.fd))).toBe('changed');
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('new');
  expect(readFileSync(join(root, 'elsewhere'), 'utf8')).toBe('content');
  expect(readdirSync(join(root, TRASH))).toEqual([]);
});

test('a name that is gone leaves no record', () => {
  const root = temporaryFolder();
  const file = leased(root, 'file');
  renameSync(join(root, 'file'), join(root, 'elsewhere'));
  expect(removeSafely(file.root, file.bytes, file.fd, statOf(file.fd))).toBe('changed');
  expect(readdirSync(join(root, TRASH))).toEqual([]);
});

test('recovery puts every file back at its place, its directories too, and never over a new one', () => {
  const root = temporaryFolder();
  const notUtf8 = Buffer.from([0x64, 0x2f, 0xff, 0xfe]);
  crashed(root, 'one', Buffer.from(`gone/${LONG_NAME}`), 'long');
  crashed(root, 'two', notUtf8, 'bytes');
  crashed(root, 'three', Buffer.from('taken'), 'old');
  writeFileSync(join(root, 'taken'), 'new');
  crashed(root, 'four', Buffer.from(LONG_NAME), 'old long');
  writeFileSync(join(root, LONG_NAME), 'new long');
  writeFileSync(join(root, TRASH, 'five'), 'nameless');
  symlinkSync('finished', join(root, TRASH, 'six.path'));

  const conflict = `${LONG_NAME.slice(0, 255 - '.sluice-conflict-1'.length)}.sluice-conflict-1`;
  const recovered = recoverTrash(Buffer.from(root), nothing).map((path) => path.toString('latin1'));
  expect(recovered.sort()).toEqual(
    [`gone/${LONG_NAME}`, 'd/\xff\xfe', 'taken.sluice-conflict-1', conflict, 'five.sluice-recovered'].sort(),
  );
  const content = (path: Buffer | string) =>
    readFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)]), 'utf8');
  expect(content(`gone/${LONG_NAME}`)).toBe('long');
  expect(content(notUtf8)).toBe('bytes');
  expect([content('taken'), content('taken.sluice-conflict-1')]).toEqual(['new', 'old']);
  expect([content(LONG_NAME), content(conflict)]).toEqual(['new long', 'old long']);
  expect(content('five.sluice-recovered')).toBe('nameless');
  expect(readdirSync(join(root, TRASH))).toEqual([]);
  expect(recoverTrash(Buffer.from(root), nothing)).toEqual([]);
});

test('recovery tells of each file before it moves it, and what is refused stays for the next time', () => {
  const root = temporaryFolder();
  crashed(root, 'one', Buffer.from('place'), 'content');
  const { ino } = lstatSync(join(root, TRASH, 'one'), { bigint: true });
  const told: bigint[] = [];
  const refuse = ({ ino }: { ino: bigint }) => {
    told.push(ino);
    throw new Error('no room to note it');
  };
  expect(() => recoverTrash(Buffer.from(root), refuse)).toThrow('no room');
  expect(told).toEqual([ino]);
  expect(readdirSync(join(root, TRASH)).sort()).toEqual(['one', 'one.path']);
  expect(recoverTrash(Buffer.from(root), nothing).map(String)).toEqual(['place']);
});

test('recovery never leaves the folder: through a symlink, a file in the way or dots, the file comes to the root', () => {
  const root = temporaryFolder();
  const outside = temporaryFolder();
  symlinkSync(outside, join(root, 'link'));
  writeFileSync(join(root, 'blocked'), 'a file');
  crashed(root, 'one', Buffer.from('link/escape'), 'one');
  crashed(root, 'two', Buffer.from('blocked/below'), 'two');
  crashed(root, 'three', Buffer.from('../../up'), 'three');
  const recovered = recoverTrash(Buffer.from(root), nothing).map(String).sort();
  expect(recovered).toEqual(['below.sluice-conflict-1', 'escape.sluice-conflict-1', 'up.sluice-conflict-1']);
  expect(readFileSync(join(root, 'up.sluice-conflict-1'), 'utf8')).toBe('three');
  expect(readdirSync(outside)).toEqual([]);
});

test('a folder without a trash has nothing to recover', () => {
  expect(recoverTrash(Buffer.from(temporaryFolder()), nothing)).toEqual([]);
});

test('emptied directories go upwards to the first that holds something, never the root', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  writeFileSync(join(root, 'a/kept'), '');
  const remove = (path: string) => removeEmptyParents(Buffer.from(root), Buffer.from(path)).map(String);
  expect(remove('a/b/c/file')).toEqual(['a/b/c', 'a/b']);
  expect(remove('a/b/c/file')).toEqual([]);
  rmSync(join(root, 'a/kept'));
  expect(remove('a/file')).toEqual(['a']);
  expect(remove('file')).toEqual([]);
  expect(existsSync(root)).toBe(true);
});

test('a file that somebody has open for writing is never removed', () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'file'), 'content');
  const writer = openSync(join(root, 'file'), 'a');
  onTestFinished(() => closeSync(writer));
  const file = openIn(root, 'file');
  if ('skipped' in file) throw new Error(file.skipped);
  onTestFinished(() => closeSync(file.fd));
  expect(removeSafely(Buffer.from(root), Buffer.from('file'), file.fd, file.state)).toBe('changed');
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('content');
});
