/** What a path means to a simulated process. Names are bytes, one character each. */

import { descriptorOf } from './descriptors.ts';
import type { Disk, Inode } from './disk.ts';
import { type Process, systemError } from './process.ts';

export interface Place {
  /** Absent for the root, and for what a descriptor stands for. */
  directory: Inode | undefined;
  name: string;
  inode: Inode | undefined;
}

const BY_DESCRIPTOR = /^\/proc\/self\/fd\/(\d+)(?:\/|$)/;

export function pathText(path: string | Buffer): string {
  return typeof path === 'string' ? Buffer.from(path).toString('latin1') : path.toString('latin1');
}

/** @throws a system error for a way that is none */
export function find(process: Process, path: string | Buffer, syscall: string): Place {
  const text = pathText(path);
  const match = BY_DESCRIPTOR.exec(text);
  if (match === null) return walk(process.machine.disk.root, text, syscall);
  const { inode } = descriptorOf(process, Number(match[1]), syscall);
  return walk(inode, text.slice(match[0].length), syscall);
}

export function walk(start: Inode, text: string, syscall: string): Place {
  let place: Place = { directory: undefined, name: '', inode: start };
  for (const name of text.split('/')) {
    if (name === '' || name === '.') continue;
    const directory = place.inode;
    if (directory === undefined) throw systemError('ENOENT', syscall, text);
    if (directory.kind !== 'directory')
      throw systemError(directory.kind === 'link' ? 'ELOOP' : 'ENOTDIR', syscall, text);
    place = { directory, name, inode: directory.entries.get(name) };
  }
  return place;
}

/** @throws ENOENT */
export function existing(process: Process, path: string | Buffer, syscall: string): Inode {
  const { inode } = find(process, path, syscall);
  if (inode === undefined) throw systemError('ENOENT', syscall, pathText(path));
  return inode;
}

export interface SeenFile {
  path: string;
  inode: Inode;
}

/** All regular files below, in byte order of path; `.sluice` directly in the root is left out. */
export function filesBelow(root: Inode, path = ''): SeenFile[] {
  const found: SeenFile[] = [];
  for (const [name, inode] of root.entries) {
    if (path === '' && name === '.sluice') continue;
    const full = path === '' ? name : `${path}/${name}`;
    if (inode.kind === 'directory') found.push(...filesBelow(inode, full));
    else if (inode.kind === 'file') found.push({ path: full, inode });
  }
  return path === '' ? found.sort((left, right) => (left.path < right.path ? -1 : 1)) : found;
}

/** The inode at an absolute path of a disk; `undefined`: there is none. */
export function at(disk: Disk, path: string): Inode | undefined {
  let inode: Inode | undefined = disk.root;
  for (const name of path.split('/')) if (name !== '') inode = inode?.entries.get(name);
  return inode;
}

/** The path of a name, from that root; `undefined`: it is not below it. */
export function pathBelow(root: Inode, directory: Inode, name: string): string | undefined {
  let path = name;
  for (let above: Inode | undefined = directory; above !== root; above = above.above?.directory) {
    if (above?.above === undefined) return undefined;
    path = `${above.above.name}/${path}`;
  }
  return path;
}
