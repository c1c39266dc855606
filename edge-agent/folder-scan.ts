/** Compares a whole folder with the index and marks what differs: the tree is the queue. */
import { scanChanges } from '#adapters/host/scan.ts';
import type { FolderView } from './folder.ts';
import type { FolderWork } from './folder-work.ts';
import type { FileContext } from './settled-file.ts';

/**
 * Offers every file that the index does not hold as synced in its present state, and every row that is not synced or
 * whose file is gone. It takes as long as the work does, but for what there is room: the rest waits in the tree. With
 * errors nothing is concluded from what was not found.
 *
 * @throws what the scan's worker throws, and the signal's reason when the folder stops
 */
export async function scanFolder(
  context: FileContext,
  work: FolderWork,
  ignored: (path: Buffer) => boolean,
): Promise<NonNullable<FolderView['lastScan']>> {
  const { folder, root, index, log, stopping } = context;
  index.flush();
  const rows = { indexFile: index.file, folder: folder.name, trusted: folder.mode !== 'move' };
  const offer = (paths: Buffer[]) => work.offer(paths.filter((path) => !ignored(path)));
  const result = await scanChanges(root.path, rows, offer, stopping);
  for (const { path, reason } of result.skipped) {
    if (ignored(path)) continue;
    const isFollowed = reason === 'symlink' && folder.symlinks === 'follow';
    // Parked by the look too, which also knows that the file is gone.
    const wasFile = folder.mode === 'mirror' && index.get(folder.name, path)?.etag;
    if (isFollowed || wasFile) work.mark(path);
    else work.park(path, `is a ${reason}, not a file`);
  }
  for (const { path, code } of result.errors) {
    work.park(path.length === 0 ? Buffer.from('.') : path, `cannot be read: ${code}`);
  }
  if (result.errors.length > 0 && folder.mode === 'mirror') {
    log.warn('no deletes until a scan can read everything', {
      key: folder.path,
      errors: result.errors.length,
    });
  }
  const { files, directories, errors } = result;
  log.debug('scanned', { folder: folder.name, files, directories, errors: errors.length });
  return { endedMs: Date.now(), files, directories, errors: errors.length };
}
