/** Compares a whole prefix with the index, and marks what is to be looked at. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isSystemError } from '#adapters/host/libc.ts';
import { HIDDEN_DIRECTORY, joinPath, lstatBig } from '#adapters/host/tree.ts';
import type { ObjectKey } from '#core/key.ts';
import { localPlace } from '#core/local-path.ts';
import { isReserved } from '#core/names.ts';
import type { FolderView } from './folder.ts';
import type { ReceiveContext } from './receive-context.ts';

const ROWS_PER_TURN = 1000;

/**
 * Marks every key of the prefix, save those for which `waits` says that they have a time of their own, and every row
 * whose key was not listed.
 *
 * @throws SyncError when the store cannot be listed to its end; then nothing is concluded from what was not listed
 */
export async function listPrefix(
  context: ReceiveContext,
  mark: (path: Buffer) => void,
  waits: (path: Buffer) => boolean,
): Promise<NonNullable<FolderView['lastScan']>> {
  const { folder, root, store, index, stopping } = context;
  const listed = new Set<string>();
  const isPlaced = (key: string) =>
    'path' in localPlace(folder.prefix, key, root.path.length, HIDDEN_DIRECTORY);
  let files = 0;
  for await (const { key } of store.list(folder.prefix, { ahead: true })) {
    if (stopping.aborted) break;
    if (!isForFolder(folder.prefix, key)) continue;
    files++;
    const path = Buffer.from(key.slice(folder.prefix.length));
    const row = index.get(folder.name, path);
    // A key that is refused may get its row while the listing goes on.
    if ((row !== undefined && row.state !== 'synced') || !isPlaced(key)) listed.add(path.toString('latin1'));
    if (!waits(path)) mark(path);
  }
  if (!stopping.aborted) {
    for (const { path } of index.unsettled(folder.name)) {
      if (listed.has(path.toString('latin1'))) continue;
      const key = folder.prefix + path.toString();
      // A key that may not become a path is not asked for either.
      if (isPlaced(key)) mark(path);
      else index.remove(folder.name, path);
    }
  }
  return { endedMs: Date.now(), files, directories: 0, errors: 0 };
}

/** Not what agents keep there for themselves, and not the object that consoles put in the place of the folder itself. */
export function isForFolder(prefix: string, key: ObjectKey): boolean {
  return key.startsWith(prefix) && key !== prefix && !isReserved(key);
}

/** Readers take files from an inbox; the rows of those say nothing any more. */
export async function forgetTaken({ folder, root, index, stopping }: ReceiveContext): Promise<void> {
  let rows = 0;
  // The folder that was claimed, whatever has its name now.
  const place = Buffer.from(`/proc/self/fd/${root.fd}`);
  for (const { path, state } of index.below(folder.name, Buffer.alloc(0))) {
    if (stopping.aborted) return;
    if (state === 'synced' && isAbsent(joinPath(place, path))) index.remove(folder.name, path);
    if (++rows % ROWS_PER_TURN === 0) await nextTurn();
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
