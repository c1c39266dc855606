/**
 * What stands for adapters/host/scan.ts: the walk of a folder and its comparison with the index, a directory at a time,
 * while everybody else goes on.
 */
import type { IndexedFolder, ScannedFile, ScanResult } from '#adapters/host/scan.ts';
import type { Inode } from './disk.ts';
import { at } from './paths.ts';
import { current, later, type Process } from './process.ts';

/** @param look what has the name now */
type Visit = (path: string, kind: Inode['kind'], look: () => Inode | undefined) => void | Promise<void>;

/** A directory is read that fast. */
const DIRECTORY_MS = 20;

export const scanning = {
  async scanTree(root: Buffer, onBatch: (found: ScannedFile[]) => void | Promise<void>): Promise<ScanResult> {
    const result = emptyResult();
    await walkFolder(current(), root.toString('latin1'), result, async (path, kind, look) => {
      const inode = look();
      if (kind !== 'file' || inode?.kind !== 'file') return;
      result.files++;
      await onBatch([{ path: Buffer.from(path, 'latin1'), state: stateOf(inode) }]);
    });
    return result;
  },

  async scanChanges(
    root: Buffer,
    { indexFile, folder, trusted }: IndexedFolder,
    onPaths: (paths: Buffer[]) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<ScanResult> {
    const process = current();
    const rows = process.rows(indexFile);
    const result = emptyResult();
    const tell = (path: string) => onPaths([Buffer.from(path, 'latin1')]);
    let next = rows.after(folder, '');

    async function tellRowsUpTo(path: string | undefined): Promise<void> {
      while (next !== undefined && (path === undefined || next.path < path)) {
        await tell(next.path);
        next = rows.after(folder, next.path);
      }
    }

    await walkFolder(process, root.toString('latin1'), result, async (path, kind, look) => {
      signal.throwIfAborted();
      await tellRowsUpTo(path);
      const row = next?.path === path ? next : undefined;
      if (row !== undefined) next = rows.after(folder, path);
      if (kind !== 'file') return;
      result.files++;
      const inode = look();
      const same = inode !== undefined && row?.synced === true && row.stamp === stampOf(inode);
      if (!trusted || !same) await tell(path);
    });
    signal.throwIfAborted();
    if (result.errors.length === 0) await tellRowsUpTo(undefined);
    return result;
  },
};

/** What changes when a file does. */
export function stampOf({
  dev,
  ino,
  mtimeNs,
  ctimeNs,
}: Pick<Inode, 'dev' | 'ino' | 'mtimeNs' | 'ctimeNs'>): string {
  return [dev, ino, mtimeNs, ctimeNs].join(' ');
}

function stateOf({ dev, ino, data, mtimeNs, ctimeNs, mode, nlink }: Inode): ScannedFile['state'] {
  return { dev, ino, sizeBytes: data.length, mtimeNs, ctimeNs, mode, uid: 1000, gid: 1000, nlink };
}

function emptyResult(): ScanResult {
  return { files: 0, directories: 0, skipped: [], errors: [], emptyDirectories: [] };
}

/** Sorted as the real walk sorts: a directory by its name with the slash that its paths go on with. */
async function walkFolder(
  process: Process,
  root: string,
  result: ScanResult,
  visit: Visit,
  below = '',
): Promise<void> {
  const directory = at(process.machine.disk, below === '' ? root : `${root}/${below}`);
  if (directory?.kind !== 'directory') {
    // One that has gone since its parent was read is passed over; without the root nothing is known.
    if (below === '') result.errors.push({ path: Buffer.alloc(0), code: 'ENOENT' });
    return;
  }
  result.directories++;
  const names = [...directory.entries]
    .filter(([name]) => below !== '' || name !== '.sluice')
    .map(([name, { kind }]) => ({ name: kind === 'directory' ? `${name}/` : name, kind }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  if (names.length === 0) result.emptyDirectories.push(Buffer.from(below, 'latin1'));
  await new Promise<void>((resolve) =>
    later(process, process.machine.sim.choices.below(DIRECTORY_MS), resolve),
  );
  for (const { name, kind } of names) {
    const path = (below === '' ? '' : `${below}/`) + name;
    if (kind === 'directory') await walkFolder(process, root, result, visit, path.slice(0, -1));
    else await visit(path, kind, () => at(process.machine.disk, `${root}/${path}`));
  }
}
