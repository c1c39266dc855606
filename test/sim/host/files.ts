/**
 * What of `node:fs` the agent uses, on a simulated disk. Errors are those of Linux:
 * https://man7.org/linux/man-pages/dir_section_2.html
 */
import { constants } from 'node:fs';
import { closeDescriptor, openDescriptor } from './descriptors.ts';
import type { Inode } from './disk.ts';
import { fchmodSync, fsync, fsyncSync, ftruncateSync, read, write, writeSync } from './file-bytes.ts';
import { fstatSync, lstatSync, statfsSync } from './file-states.ts';
import { existing, find, pathText } from './paths.ts';
import { caller, current, type Process, systemError } from './process.ts';

type Path = string | Buffer;

function openSync(path: Path, flags: number = constants.O_RDONLY, mode = 0o666): number {
  const process = caller(
    (flags & (constants.O_CREAT | constants.O_RDWR | constants.O_WRONLY)) === 0 ? 'open' : 'open to write',
  );
  const place = find(process, path, 'open');
  let { inode } = place;
  if (inode === undefined) {
    if ((flags & constants.O_CREAT) === 0) throw systemError('ENOENT', 'open', pathText(path));
    inode = create(process, path, 'file', 'open');
    inode.mode = 0o100000 | (mode & 0o7777);
  } else if ((flags & constants.O_EXCL) !== 0) throw systemError('EEXIST', 'open', pathText(path));
  if (inode.kind === 'link') throw systemError('ELOOP', 'open', pathText(path));
  if ((flags & constants.O_DIRECTORY) !== 0 && inode.kind !== 'directory')
    throw systemError('ENOTDIR', 'open', pathText(path));
  return openDescriptor(process, inode, (flags & (constants.O_RDWR | constants.O_WRONLY)) !== 0);
}

function create(process: Process, path: Path, kind: Inode['kind'], syscall: string): Inode {
  const { directory, name } = free(process, path, syscall);
  const { disk } = process.machine;
  if (disk.freeBytes <= 0) throw systemError('ENOSPC', syscall, pathText(path));
  const inode = disk.make(kind, 'agent', directory.dev);
  disk.change('agent', (put) => put(directory, name, inode));
  return inode;
}

/** A name that nothing has, in a directory that is there. */
function free(process: Process, path: Path, syscall: string): { directory: Inode; name: string } {
  const { directory, name, inode } = find(process, path, syscall);
  if (inode !== undefined || directory === undefined) throw systemError('EEXIST', syscall, pathText(path));
  if (directory.nlink === 0) throw systemError('ENOENT', syscall, pathText(path));
  return { directory, name };
}

function closeSync(fd: number): void {
  closeDescriptor(current(), fd);
  // The number is free whatever close(2) says.
  caller('close');
}

function mkdirSync(path: Path, options: { recursive?: boolean } | number = {}): void {
  const process = caller('mkdir');
  if (typeof options === 'number' || options.recursive !== true) {
    create(process, path, 'directory', 'mkdir');
    return;
  }
  const text = pathText(path);
  for (let end = text.indexOf('/', 1); ; end = text.indexOf('/', end + 1)) {
    const part = Buffer.from(end === -1 ? text : text.slice(0, end), 'latin1');
    const { inode } = find(process, part, 'mkdir');
    if (inode === undefined) create(process, part, 'directory', 'mkdir');
    else if (inode.kind !== 'directory') throw systemError('EEXIST', 'mkdir', text);
    if (end === -1) return;
  }
}

function rmdirSync(path: Path): void {
  const process = caller('rmdir');
  const { directory, name, inode } = find(process, path, 'rmdir');
  if (inode === undefined || directory === undefined) throw systemError('ENOENT', 'rmdir', pathText(path));
  if (inode.kind !== 'directory') throw systemError('ENOTDIR', 'rmdir', pathText(path));
  if (inode.entries.size > 0) throw systemError('ENOTEMPTY', 'rmdir', pathText(path));
  process.machine.disk.change('agent', (put) => put(directory, name, undefined));
}

function unlinkSync(path: Path): void {
  const process = caller('unlink');
  const { directory, name, inode } = find(process, path, 'unlink');
  if (inode === undefined || directory === undefined) throw systemError('ENOENT', 'unlink', pathText(path));
  if (inode.kind === 'directory') throw systemError('EISDIR', 'unlink', pathText(path));
  process.machine.disk.change('agent', (put) => put(directory, name, undefined));
}

/** @param mode what becomes of what has the new name */
export function rename(from: Path, to: Path, mode: 'replace' | 'keep' | 'exchange'): void {
  const process = caller('rename');
  const source = find(process, from, 'rename');
  const target = find(process, to, 'rename');
  const moved = source.inode;
  if (moved === undefined || source.directory === undefined)
    throw systemError('ENOENT', 'rename', pathText(from));
  if (target.directory === undefined || target.directory.nlink === 0)
    throw systemError('ENOENT', 'rename', pathText(to));
  if (mode === 'keep' && target.inode !== undefined) throw systemError('EEXIST', 'rename', pathText(to));
  if (mode === 'exchange' && target.inode === undefined) throw systemError('ENOENT', 'rename', pathText(to));
  if (source.directory.dev !== target.directory.dev) throw systemError('EXDEV', 'rename', pathText(to));
  if (mode === 'replace' && target.inode?.kind === 'directory')
    throw systemError('EISDIR', 'rename', pathText(to));
  const [above, below] = [source.directory, target.directory];
  process.machine.disk.change('agent', (put) => {
    put(above, source.name, mode === 'exchange' ? target.inode : undefined);
    put(below, target.name, moved);
  });
}

function linkSync(from: Path, to: Path): void {
  const process = caller('link');
  const inode = existing(process, from, 'link');
  const { directory, name } = free(process, to, 'link');
  process.machine.disk.change('agent', (put) => put(directory, name, inode));
}

function symlinkSync(target: Path, path: Path): void {
  const link = create(caller('symlink'), path, 'link', 'symlink');
  link.data = Buffer.from(target);
}

function readlinkSync(path: Path): Buffer {
  const inode = existing(caller('readlink'), path, 'readlink');
  if (inode.kind !== 'link') throw systemError('EINVAL', 'readlink', pathText(path));
  return inode.data;
}

function readdirSync(path: Path): Buffer[] {
  const inode = existing(caller('scandir'), path, 'scandir');
  if (inode.kind !== 'directory') throw systemError('ENOTDIR', 'scandir', pathText(path));
  return [...inode.entries.keys()].map((name) => Buffer.from(name, 'latin1'));
}

function realpathSync(path: string): string {
  existing(caller('lstat'), path, 'lstat');
  return path;
}

function readFileSync(path: Path): string {
  const inode = existing(caller('open'), path, 'open');
  if (inode.kind === 'directory') throw systemError('EISDIR', 'read', pathText(path));
  return inode.data.toString('utf8');
}

function writeFileSync(path: Path, text: string, { flush = false }: { flush?: boolean } = {}): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT);
  try {
    ftruncateSync(fd);
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, undefined, done);
    if (flush) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export const files = {
  constants,
  closeSync,
  fchmodSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync: (from: Path, to: Path) => rename(from, to, 'replace'),
  rmdirSync,
  statSync: lstatSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  write,
  writeFileSync,
  writeSync,
};
