/** Lists a directory for a watcher, which must know of each entry whether it is a directory. */
import type { Dirent } from 'node:fs';
import { isSystemError, type SystemError } from './libc.ts';
import { HIDDEN_DIRECTORY, joinPath, listDirectory, lstatBig } from './tree.ts';

const HIDDEN = Buffer.from(HIDDEN_DIRECTORY);
/** Gone, or no directory any more: an event about it has come or will come. */
const VANISHED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

export type ListingFailure = (op: string, path: Buffer, error: SystemError) => void;

/** Whether this is the agent's own directory, directly in the root, which nobody watches. */
export function isHidden(directory: Buffer, name: Buffer): boolean {
  return directory.length === 0 && name.equals(HIDDEN);
}

export function hasVanished(error: SystemError): boolean {
  return VANISHED.has(error.code);
}

/** Calls `visit` with a copy of each name; what cannot be read goes to `failed`, what has vanished nowhere. */
export function listForWatch(
  root: Buffer,
  directory: Buffer,
  visit: (name: Buffer, isDirectory: boolean) => void,
  failed: ListingFailure,
): void {
  attempt('list', directory, failed, () =>
    listDirectory(joinPath(root, directory), (entry) => {
      const name = Buffer.from(entry.name);
      if (!isHidden(directory, name)) visit(name, entry.isDirectory() || isDirectoryNow(entry, name));
    }),
  );

  function isDirectoryNow(entry: Dirent<Buffer>, name: Buffer): boolean {
    if (!unknownKind(entry)) return false;
    const path = joinPath(directory, name);
    return attempt('stat', path, failed, () => lstatBig(joinPath(root, path)).isDirectory()) ?? false;
  }
}

function attempt<T>(op: string, path: Buffer, failed: ListingFailure, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (!hasVanished(error)) failed(op, path, error);
    return undefined;
  }
}

/** Some filesystems do not tell the kind of an entry in the listing. */
function unknownKind(entry: Dirent<Buffer>): boolean {
  return !entry.isFile() && !entry.isSymbolicLink() && !entry.isFIFO();
}
