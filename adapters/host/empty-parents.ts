/** Directories that held nothing but what was taken out of them. */
import { rmdirSync } from 'node:fs';
import { isSystemError } from './libc.ts';
import { joinPath, pathError } from './tree.ts';

/**
 * Removes the directories above `path` that are empty now, from the lowest upwards, never the root. Answers those
 * removed, relative to the root.
 */
export function removeEmptyParents(root: Buffer, path: Buffer): Buffer[] {
  const removed: Buffer[] = [];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.subarray(0, end);
    try {
      rmdirSync(joinPath(root, directory));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY', 'ENOTDIR'].includes(error.code)) break;
      throw pathError('remove-directory', directory, error);
    }
    removed.push(directory);
  }
  return removed;
}
