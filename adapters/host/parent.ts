/** Opens directories step by step, so that no symlink planted on the way leads out of the folder. */
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { SyncError } from '#core/errors.ts';
import { isSystemError } from './libc.ts';

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * The directory at `path` below the root, created where it is missing. `path` answers a name for it that keeps meaning
 * this very directory while `fd` is open; the caller closes `fd`. Throws Node's errors, and `SyncError` (code
 * `Outside`) for a path with `..` in it.
 */
export function openParent(root: Buffer, path: Buffer): { fd: number; path: Buffer } {
  let fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const step of path.toString('latin1').split('/')) {
    if (step === '' || step === '.') continue;
    try {
      if (step === '..') throw outside(path);
      const next = openOrCreate(Buffer.concat([pathOf(fd), Buffer.from(`/${step}`, 'latin1')]));
      closeSync(fd);
      fd = next;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
  return { fd, path: pathOf(fd) };
}

function pathOf(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}`);
}

function openOrCreate(path: Buffer): number {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
  mkdirSync(path);
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
