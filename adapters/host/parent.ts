/** Opens directories step by step, so that no symlink planted on the way leads out of the folder. */
import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs';
import { SyncError } from '#core/errors.ts';
import { isSystemError } from './libc.ts';
import type { SyncDirectory } from './shared-sync.ts';

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The caller closes `fd`; until then `path` means this very directory, whatever happens to its names. */
export interface OpenDirectory {
  fd: number;
  path: Buffer;
}

/**
 * The directory at `path` below the root, created where it is missing. Throws Node's errors, and `SyncError` (code
 * `Outside`) for a path with `..` in it.
 */
export function openParent(root: Buffer, path: Buffer): OpenDirectory {
  return walk(root, path, openOrCreate);
}

/** As `openParent`, but a directory that is missing stays so, and is an ENOENT. */
export function openExisting(root: Buffer, path: Buffer): OpenDirectory {
  return walk(root, path, (directory) => openSync(directory, FLAGS));
}

/**
 * As `openParent`, and answers only when a power cut cannot take the way to the directory: every directory on it has
 * been fsynced since the next one was made in it. `durable` remembers which were, by path, for the next call.
 */
export async function openDurable(
  root: Buffer,
  path: Buffer,
  durable: Map<string, string>,
  sync: SyncDirectory,
): Promise<OpenDirectory> {
  let fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    let way = '';
    for (const step of stepsOf(path)) {
      way += `/${step}`;
      const next = openOrCreate(below(fd, step));
      const above = fd;
      fd = next;
      try {
        const id = identityOf(next);
        if (durable.get(way) !== id) {
          await sync(above);
          durable.set(way, id);
        }
      } finally {
        closeSync(above);
      }
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, path: pathOf(fd) };
}

function walk(root: Buffer, path: Buffer, open: (directory: Buffer) => number): OpenDirectory {
  let fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const step of stepsOf(path)) {
      const above = fd;
      fd = open(below(above, step));
      // Closed once, whatever close(2) says: its number may be another file's by then.
      closeSync(above);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, path: pathOf(fd) };
}

function stepsOf(path: Buffer): string[] {
  const steps = path.toString('latin1').split('/');
  if (steps.includes('..')) throw outside(path);
  return steps.filter((step) => step !== '' && step !== '.');
}

function below(fd: number, step: string): Buffer {
  return Buffer.concat([pathOf(fd), Buffer.from(`/${step}`, 'latin1')]);
}

function pathOf(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}`);
}

/** The birth time tells apart a directory and its successor that got the same inode. */
function identityOf(fd: number): string {
  const { dev, ino, birthtimeNs } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}:${birthtimeNs}`;
}

function openOrCreate(path: Buffer): number {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
  try {
    mkdirSync(path);
  } catch (error) {
    // Another file of the same new directory was quicker.
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
  }
  return openSync(path, FLAGS);
}

function outside(path: Buffer): SyncError {
  const name = path.toString();
  return new SyncError(`${name} leads out of the folder`, {
    op: 'open',
    key: name,
    retryable: false,
    code: 'Outside',
  });
}
