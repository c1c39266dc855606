/** What a simulated file system tells of files, and of itself. */
import type { BigIntStats, Stats } from 'node:fs';
import { descriptorOf } from './descriptors.ts';
import type { Inode } from './disk.ts';
import { existing, find } from './paths.ts';
import { caller } from './process.ts';

const BLOCK_BYTES = 1;
/** More than anybody ever fills. */
const INODES = 1_000_000;

/** As `fs.Stats`, or with `big` as `fs.BigIntStats`. */
function statsOf(inode: Inode, big: true): BigIntStats;
function statsOf(inode: Inode, big: boolean): Stats | BigIntStats;
function statsOf(inode: Inode, big: boolean): Stats | BigIntStats {
  const number = big ? (value: bigint) => value : Number;
  const links = inode.kind === 'directory' && inode.nlink > 0 ? 2 : inode.nlink;
  return {
    dev: number(inode.dev),
    ino: number(inode.ino),
    size: number(BigInt(inode.data.length)),
    mode: number(BigInt(inode.mode)),
    uid: number(1000n),
    gid: number(1000n),
    nlink: number(BigInt(links)),
    mtimeNs: inode.mtimeNs,
    ctimeNs: inode.ctimeNs,
    birthtimeNs: inode.birthtimeNs,
    isFile: () => inode.kind === 'file',
    isDirectory: () => inode.kind === 'directory',
    isSymbolicLink: () => inode.kind === 'link',
    isFIFO: () => false,
    isSocket: () => false,
    // What nobody asks for is not there.
  } as unknown as Stats | BigIntStats;
}

interface StatOptions {
  bigint?: boolean;
  throwIfNoEntry?: boolean;
}

export function lstatSync(
  path: string | Buffer,
  { bigint = false, throwIfNoEntry = true }: StatOptions = {},
) {
  const process = caller('lstat');
  if (throwIfNoEntry) return statsOf(existing(process, path, 'lstat'), bigint);
  try {
    const { inode } = find(process, path, 'lstat');
    return inode === undefined ? undefined : statsOf(inode, bigint);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export function fstatSync(fd: number, { bigint = false }: StatOptions = {}) {
  return statsOf(descriptorOf(caller('fstat'), fd, 'fstat').inode, bigint);
}

export function statfsSync() {
  const { freeBytes } = caller('statfs').machine.disk;
  return { bavail: Math.max(0, freeBytes), bsize: BLOCK_BYTES, files: INODES, ffree: INODES };
}
