/** Which directories were old before anything was removed from them, which makes them look new. */
import { closeSync, rmdirSync } from 'node:fs';
import { isSystemError } from '#adapters/host/libc.ts';
import { openExisting } from '#adapters/host/parent.ts';
import { type Fingerprint, joinPath, pathError, statOf } from '#adapters/host/tree.ts';

export interface AgedDirectories {
  /** Notes the ages of the directories above the path; called before the path is removed. */
  remember(path: Buffer): void;
  /** Removes those of the empty ones that are old, and the old ones above that are empty then, never the root. */
  removeEmpty(empty: readonly Buffer[]): Buffer[];
}

const IN_USE = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY', 'ENOTDIR', 'ELOOP']);

export function createAgedDirectories(root: Buffer, isOld: (times: Fingerprint) => boolean): AgedDirectories {
  const wasOld = new Map<string, boolean>();

  function remember(path: Buffer): void {
    for (let at = above(path); at.length > 0; at = above(at)) note(at);
  }

  function note(directory: Buffer): boolean {
    const id = directory.toString('latin1');
    const known = wasOld.get(id) ?? look(root, directory, isOld);
    wasOld.set(id, known);
    return known;
  }

  return {
    remember,
    removeEmpty(empty) {
      const removed: Buffer[] = [];
      const touched = [...wasOld].filter(([, old]) => old).map(([id]) => Buffer.from(id, 'latin1'));
      for (const candidate of [...touched, ...empty]) {
        for (let at = candidate; at.length > 0 && note(at); at = above(at)) {
          remember(at);
          if (!removeDirectory(root, at)) break;
          removed.push(at);
        }
      }
      return removed;
    },
  };
}

function above(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf('/')));
}

function look(root: Buffer, directory: Buffer, isOld: (times: Fingerprint) => boolean): boolean {
  try {
    return isOld(statOf(joinPath(root, directory)));
  } catch (error) {
    if (!isSystemError(error) || !IN_USE.has(error.code)) throw error;
    return false;
  }
}

/** False when there is something in it, or it is not there. No symlink on the way is followed. */
function removeDirectory(root: Buffer, directory: Buffer): boolean {
  try {
    const parent = openExisting(root, above(directory));
    try {
      rmdirSync(joinPath(parent.path, directory.subarray(directory.lastIndexOf('/') + 1)));
      return true;
    } finally {
      closeSync(parent.fd);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (IN_USE.has(error.code)) return false;
    throw pathError('remove-directory', directory, error);
  }
}
