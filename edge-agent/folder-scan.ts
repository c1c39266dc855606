/** Compares a whole folder with the index and marks what differs: the tree is the queue. */
import { isSystemError } from '#adapters/host/libc.ts';
import { scanTree } from '#adapters/host/scan.ts';
import { joinPath, lstatBig, sameState } from '#adapters/host/tree.ts';
import type { FolderView } from './folder.ts';
import type { FolderWork } from './folder-work.ts';
import type { FileContext } from './settled-file.ts';

const ROWS_PER_TURN = 1000;

/**
 * Marks every file that the index does not hold as synced in its present state, and every row that is not synced or
 * whose file is gone.
 * With errors nothing is concluded from what was not found.
 *
 * @throws what the scan's worker throws
 */
export async function scanFolder(
  context: FileContext,
  work: FolderWork,
  ignored: (path: Buffer) => boolean,
): Promise<NonNullable<FolderView['lastScan']>> {
  const { folder, root, index, log } = context;
  const keepsFiles = folder.mode !== 'move';
  const result = await scanTree(root.path, (files) => {
    for (const { path, state } of files) {
      if (ignored(path)) continue;
      const row = keepsFiles ? index.get(folder.name, path) : undefined;
      if (row?.state !== 'synced' || !sameState(row, state)) work.mark(path);
    }
  });
  for (const { path, reason } of result.skipped) {
    if (ignored(path)) continue;
    if (reason === 'symlink' && folder.symlinks === 'follow') work.mark(path);
    else work.park(path, `is a ${reason}, not a file`);
  }
  for (const { path, code } of result.errors) {
    work.park(path.length === 0 ? Buffer.from('.') : path, `cannot be read: ${code}`);
  }
  if (result.errors.length === 0) await markVanished(context, work);
  else if (folder.mode === 'mirror') {
    log.warn('no deletes until a scan can read everything', {
      key: folder.path,
      errors: result.errors.length,
    });
  }
  const { files, directories, errors } = result;
  log.debug('scanned', { folder: folder.name, files, directories, errors: errors.length });
  return { endedMs: Date.now(), files, directories, errors: errors.length };
}

async function markVanished({ folder, root, index }: FileContext, work: FolderWork): Promise<void> {
  let rows = 0;
  for (const { path, state } of index.below(folder.name, Buffer.alloc(0))) {
    if (state !== 'synced' || isAbsent(joinPath(root.path, path))) work.mark(path);
    if (++rows % ROWS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function isAbsent(path: Buffer): boolean {
  try {
    lstatBig(path);
    return false;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === 'ENOENT' || error.code === 'ENOTDIR';
  }
}
