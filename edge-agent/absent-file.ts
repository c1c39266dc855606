/** Whether a file that the index knows is gone, and whether somebody has taken it away: not all that is gone was deleted. */
import { statSync } from 'node:fs';
import type { IndexRow } from '#adapters/host/index-db.ts';
import { isSystemError } from '#adapters/host/libc.ts';
import { type FileState, joinPath, lstatBig, pathError, statOf } from '#adapters/host/tree.ts';
import type { FileContext } from './settled-file.ts';

/** Of a row whose file nobody could look at. */
const NO_DEVICE = 0n;

/** @throws SyncError when the name cannot be looked at: an unreadable directory is no empty one */
export function isFile({ root, folder }: Pick<FileContext, 'root' | 'folder'>, path: Buffer): boolean {
  const full = joinPath(root.path, path);
  try {
    // A link that is followed stands for its file.
    return (folder.symlinks === 'follow' ? statSync(full) : lstatBig(full)).isFile();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
    throw pathError('look', path, error);
  }
}

/**
 * Nobody has taken it from there: it was on a file system that is not mounted there now; or the directory is as it was
 * before the file was last seen and the host started, as a power cut leaves it that has taken a new name.
 */
export function isUnexplained(
  { root, hostStart }: Pick<FileContext, 'root' | 'hostStart'>,
  devices: ReadonlySet<bigint>,
  { path, dev, ctimeNs }: IndexRow,
): boolean {
  const above = directoryAbove(root.path, path);
  const isUnmounted = dev !== NO_DEVICE && dev !== above.dev && !devices.has(dev);
  return isUnmounted || (above.ctimeNs < ctimeNs && !hostStart.touched(above));
}

/** The lowest that is there. */
function directoryAbove(root: Buffer, path: Buffer): FileState {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.subarray(0, end);
    try {
      return statOf(joinPath(root, directory));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw pathError('look', directory, error);
    }
  }
  return statOf(root);
}
