/** Lists a directory for a watcher, which must know of each entry whether it is a directory. */
import { createDirectoryReader, type DirectoryReader } from './directory-reader.ts';
import { isSystemError, type SystemError } from './libc.ts';
import { HIDDEN_DIRECTORY, joinPath } from './tree.ts';

const HIDDEN = Buffer.from(HIDDEN_DIRECTORY);
/** Gone, or no directory any more: an event about it has come or will come. */
const VANISHED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** For all listings: each is over before the next begins. */
let reader: DirectoryReader | undefined;

export type ListingFailure = (op: string, path: Buffer, error: SystemError) => void;

/** Whether this is the agent's own directory, directly in the root, which nobody watches. */
export function isHidden(directory: Buffer, name: Buffer): boolean {
  return directory.length === 0 && name.equals(HIDDEN);
}

export function hasVanished(error: SystemError): boolean {
  return VANISHED.has(error.code);
}

/**
 * Calls `visit` with each name, once the whole directory has been listed; what cannot be read goes to `failed`, what has
 * vanished nowhere.
 *
 * @param what files are by far the most: a name is made of each only where somebody wants it
 */
export function listForWatch(
  root: Buffer,
  directory: Buffer,
  what: 'everything' | 'directories',
  visit: (name: Buffer, isDirectory: boolean) => void,
  failed: ListingFailure,
): void {
  const found: { name: string; isDirectory: boolean }[] = [];
  const note = (name: string, isDirectory: boolean) => {
    if (isDirectory || what === 'everything') found.push({ name, isDirectory });
  };
  reader ??= createDirectoryReader();
  try {
    reader.open(joinPath(root, directory));
    reader.list((name, kind) => {
      note(name, kind === 'directory' || (kind === 'unknown' && isDirectoryNow(directory, name, failed)));
    });
  } catch (error) {
    tellUnlessVanished('list', directory, error, failed);
  } finally {
    reader.close();
  }
  for (const { name, isDirectory } of found) {
    const bytes = Buffer.from(name, 'latin1');
    if (!isHidden(directory, bytes)) visit(bytes, isDirectory);
  }
}

/** Some filesystems do not tell the kind of an entry in the listing. */
function isDirectoryNow(directory: Buffer, name: string, failed: ListingFailure): boolean {
  try {
    return reader?.look(name)?.kind === 'directory';
  } catch (error) {
    tellUnlessVanished('stat', joinPath(directory, Buffer.from(name, 'latin1')), error, failed);
    return false;
  }
}

function tellUnlessVanished(op: string, path: Buffer, error: unknown, failed: ListingFailure): void {
  if (!isSystemError(error)) throw error;
  if (!hasVanished(error)) failed(op, path, error);
}
