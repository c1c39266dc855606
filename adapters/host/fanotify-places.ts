/**
 * Where the directories of one mount are, by their file handles. What was found is remembered until `forget`: the
 * owner calls it at every event that may have moved a directory, so a belief is never older than the last such event.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { handleOf, isSystemError, openDirectoryByHandle } from './libc.ts';
import { joinPath } from './tree.ts';
import { isHidden } from './watch-listing.ts';

export interface FanotifyPlaces {
  /** Relative to the root of the folder; `undefined` when outside of it, in `.sluice`, or gone. */
  pathOf(handle: Buffer): Buffer | undefined;
  forget(): void;
  /** Ends a turn: a descriptor that stayed open would keep the filesystem from being unmounted. */
  release(): void;
}

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Directories outside the folder are remembered too, and there may be many. */
const MAX_REMEMBERED = 8192;
const DELETED = ' (deleted)';
/** Each takes some microseconds, and so does giving an inode away. */
const TRIES = 100;

/** The mount has moved or is another one now: all places are wrong. */
export class MountChanged extends Error {}

/**
 * `top`: the directory, relative to `root`, through which the mount is seen. Throws the system's error when it is no
 * directory, or when this process or the filesystem cannot open directories by handle.
 */
export function placesIn(root: Buffer, top: Buffer): FanotifyPlaces {
  const path = joinPath(root, top);
  const known = new Map<string, Buffer | null>();
  let fd: number | undefined;
  const { identity, prefix } = atOpening();

  function atOpening(): { identity: string; prefix: Buffer } {
    const opened = openSync(path, OPEN_DIRECTORY);
    try {
      const probe = openDirectoryByHandle(opened, handleOf(path));
      closeSync(probe);
      return seen(opened);
    } finally {
      closeSync(opened);
    }
  }

  function mountFd(): number {
    if (fd !== undefined) return fd;
    fd = openSync(path, OPEN_DIRECTORY);
    const now = seen(fd);
    if (now.identity !== identity || !now.prefix.equals(prefix)) throw new MountChanged();
    return fd;
  }

  function find(handle: Buffer): Buffer | undefined {
    const opened = openOrGone(mountFd(), handle);
    if (opened === undefined) return undefined;
    try {
      const target = linkOf(opened);
      return isDeleted(opened, target) ? undefined : inside(target);
    } finally {
      closeSync(opened);
    }
  }

  function inside(target: Buffer): Buffer | undefined {
    if (!target.subarray(0, prefix.length).equals(prefix)) return undefined;
    const rest = target.subarray(prefix.length);
    // Of `/` itself nothing is cut off but the slash that all paths begin with.
    const start = prefix.length > 1 ? 1 : 0;
    if (rest.length > 0 && start === 1 && rest[0] !== SLASH) return undefined;
    const relative = joinPath(top, Buffer.from(rest.subarray(start)));
    const slash = relative.indexOf(SLASH);
    const first = slash === -1 ? relative : relative.subarray(0, slash);
    return isHidden(ROOT, first) ? undefined : relative;
  }

  return {
    pathOf(handle) {
      const key = handle.toString('latin1');
      const last = known.get(key);
      if (last !== undefined) return last ?? undefined;
      const found = find(handle);
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(key, found ?? null);
      return found;
    },
    forget: () => known.clear(),
    release() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

const ROOT = Buffer.alloc(0);
const SLASH = 0x2f;

function seen(fd: number): { identity: string; prefix: Buffer } {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return { identity: `${dev}:${ino}`, prefix: linkOf(fd) };
}

function linkOf(fd: number): Buffer {
  return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

/**
 * ENOMEM is also what the kernel says of a removed directory while its inode is being given to something new; a moment
 * later it says ESTALE. https://github.com/torvalds/linux/blob/master/fs/inode.c, iget_locked and I_CREATING
 */
function openOrGone(mount: number, handle: Buffer): number | undefined {
  for (let tries = 1; ; tries++) {
    try {
      return openDirectoryByHandle(mount, handle);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code === 'ESTALE' || error.code === 'ENOENT') return undefined;
      if (error.code !== 'ENOMEM' || tries === TRIES) throw error;
    }
  }
}

/** Somebody may hold a removed directory open; a name that only ends like that is no such directory. */
function isDeleted(fd: number, target: Buffer): boolean {
  if (!target.subarray(-DELETED.length).equals(Buffer.from(DELETED))) return false;
  const there = lstatSync(target, { bigint: true, throwIfNoEntry: false });
  const held = fstatSync(fd, { bigint: true });
  return there === undefined || there.ino !== held.ino || there.dev !== held.dev;
}
