/**
 * What stands for adapters/host/scan.ts: the walk of a folder and its comparison with the index, a directory at a time,
 * while everybody else goes on.
 */
import type { IndexedFolder, ScannedFile, ScanResult } from '#adapters/host/scan.ts';
import type { Fingerprint } from '#adapters/host/tree.ts';
import type { Inode } from './disk.ts';
import type { SystemCall } from './errors.ts';
import { at } from './paths.ts';
import { caller, current, isSystemError, later, type Process } from './process.ts';

interface Visitor {
  /** @param look what has the name now */
  entry(path: string, kind: Inode['kind'], look: () => Inode | undefined): void | Promise<void>;
  /** Nothing is known of what is below. */
  unlisted?(path: string): Promise<void>;
}

/** A directory is read that fast. */
const DIRECTORY_MS = 20;

export const scanning = {
  async scanTree(root: Buffer, onBatch: (found: ScannedFile[]) => void | Promise<void>): Promise<ScanResult> {
    const result = emptyResult();
    await walkFolder(current(), root.toString('latin1'), result, {
      async entry(path, kind, look) {
        if (kind !== 'file' || hasFailed('lstat', path, result)) return;
        const inode = look();
        if (inode?.kind !== 'file') return;
        result.files++;
        await onBatch([{ path: Buffer.from(path, 'latin1'), state: stateOf(inode) }]);
      },
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

    await walkFolder(process, root.toString('latin1'), result, {
      async entry(path, kind, look) {
        signal.throwIfAborted();
        await tellRowsUpTo(path);
        const row = next?.path === path ? next : undefined;
        if (row !== undefined) next = rows.after(folder, path);
        if (kind !== 'file') return;
        result.files++;
        if (row !== undefined && trusted && hasFailed('lstat', path, result)) return;
        const inode = look();
        const same = inode !== undefined && row?.synced === true && row.stamp === stampOf(stateOf(inode));
        if (!trusted || !same) await tell(path);
      },
      async unlisted(path) {
        if (path === '') return;
        await tellRowsUpTo(`${path}/`);
        while (next?.path.startsWith(`${path}/`) === true) next = rows.after(folder, next.path);
      },
    });
    signal.throwIfAborted();
    if (result.errors.every(({ path }) => path.length > 0)) await tellRowsUpTo(undefined);
    return result;
  },
};

/** What changes when a file does. */
export function stampOf({ dev, ino, sizeBytes, mtimeNs, ctimeNs }: Fingerprint): string {
  return [dev, ino, sizeBytes, mtimeNs, ctimeNs].join(' ');
}

function stateOf({ dev, ino, data, mtimeNs, ctimeNs, mode, nlink }: Inode): ScannedFile['state'] {
  return { dev, ino, sizeBytes: data.length, mtimeNs, ctimeNs, mode, uid: 1000, gid: 1000, nlink };
}

function emptyResult(): ScanResult {
  return { files: 0, directories: 0, skipped: [], errors: [], emptyDirectories: [] };
}

/** Whether that could not be read; told then. */
function hasFailed(call: SystemCall, path: string, { errors }: ScanResult): boolean {
  try {
    caller(call);
    return false;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    errors.push({ path: Buffer.from(path, 'latin1'), code: error.code });
    return true;
  }
}

/** Sorted as the real walk sorts: a directory by its name with the slash that its paths go on with. */
async function walkFolder(
  process: Process,
  root: string,
  result: ScanResult,
  visitor: Visitor,
  below = '',
): Promise<void> {
  if (hasFailed('scandir', below, result)) return visitor.unlisted?.(below);
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
    if (kind === 'directory') await walkFolder(process, root, result, visitor, path.slice(0, -1));
    else await visitor.entry(path, kind, () => at(process.machine.disk, `${root}/${path}`));
  }
}
