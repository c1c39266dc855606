/** Files of a local folder, read safely: never through a symlink, regular files only, names as bytes. */
import { type BigIntStats, closeSync, type Dirent, fstatSync, lstatSync, opendirSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { isSystemError, readCached } from './libc.ts';
import { openBeneath } from './open-beneath.ts';

/** Directly below the root of every folder: what is being removed or received. No watch or scan looks into it. */
export const HIDDEN_DIRECTORY = '.sluice';

/** What tells one state of a file from another: whatever changes it also changes one of these. */
export interface Fingerprint {
  dev: bigint;
  ino: bigint;
  sizeBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

export interface FileState extends Fingerprint {
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
}

export type SkipReason = 'symlink' | 'fifo' | 'socket' | 'device' | 'directory' | 'vanished';

const SLASH = Buffer.from('/');
const readAt = promisify(read);
/** Node refuses to read more at once than 31 bits count. */
const MAX_READ_BYTES = 0x4000_0000;
/** Copying more from the page cache would hold everybody else up; a thread of the pool costs less then. */
const MAX_CACHED_READ_BYTES = 256 * 1024;

/** The path of an entry, from its root or directory. An empty name is the root itself. */
export function joinPath(parent: Buffer, name: Buffer): Buffer {
  if (name.length === 0) return parent;
  return parent.length === 0 ? name : Buffer.concat([parent, SLASH, name]);
}

/** The present state of an open file, or of what a path names (a symlink is not followed). Throws Node's errors. */
export function statOf(target: number | Buffer): FileState {
  const stat = typeof target === 'number' ? fstatSync(target, { bigint: true }) : lstatBig(target);
  return stateOf(stat);
}

export function stateOf(stat: BigIntStats): FileState {
  return {
    dev: stat.dev,
    ino: stat.ino,
    sizeBytes: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    nlink: Number(stat.nlink),
  };
}

/** Whether nobody has touched the file in between; ctime also tells of chmod, chown, link and rename. */
export function sameState(left: Fingerprint, right: Fingerprint): boolean {
  return left.ctimeNs === right.ctimeNs && sameContent(left, right);
}

/** As `sameState`, but blind to ctime, which our own rename changes. */
export function sameContent(left: Fingerprint, right: Fingerprint): boolean {
  return (
    left.dev === right.dev &&
    left.ino === right.ino &&
    left.sizeBytes === right.sizeBytes &&
    left.mtimeNs === right.mtimeNs
  );
}

/** A folder by name and, so that no change of the name leads elsewhere, by descriptor. */
export interface OpenRoot {
  path: Buffer;
  fd: number;
}

/**
 * Opens a regular file of a folder for reading, or says why it is passed over. The caller closes the descriptor. With
 * `followLinks` a symlink is followed as long as it stays in the folder. Throws `SyncError` naming the path when the
 * file is there but cannot be opened (EACCES, EMFILE, EIO).
 */
export function openFile(
  root: OpenRoot,
  path: Buffer,
  followLinks: boolean,
): { fd: number; state: FileState } | { skipped: SkipReason } {
  const full = joinPath(root.path, path);
  // Opening is not harmless everywhere (a fifo wakes its writer, a tape rewinds), so look before.
  const before = attempt(full, () => skipReason(lstatBig(full)));
  if (typeof before === 'string' && !(before === 'symlink' && followLinks)) return { skipped: before };
  const fd = attempt(full, () => openBeneath(root.fd, path, followLinks));
  if (typeof fd !== 'number') return { skipped: fd ?? 'vanished' };
  let kept = false;
  try {
    const stat = fstatSync(fd, { bigint: true });
    const skipped = skipReason(stat);
    if (skipped !== undefined) return { skipped };
    kept = true;
    return { fd, state: stateOf(stat) };
  } finally {
    if (!kept) closeSync(fd);
  }
}

/** Why something is no regular file, or `undefined` when it is one. */
export function skipReason(entry: BigIntStats | Dirent<Buffer>): SkipReason | undefined {
  if (entry.isFile()) return undefined;
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  return entry.isSocket() ? 'socket' : 'device';
}

/** Exactly the first `sizeBytes`. Throws `SyncError` (code `Changed`, retryable) when the file has become shorter. */
export function readWhole(fd: number, sizeBytes: number): Promise<Buffer> {
  return readRange(fd, 0, sizeBytes);
}

/** Exactly `length` bytes from `start`; throws as `readWhole` does. */
export async function readRange(fd: number, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = length <= MAX_CACHED_READ_BYTES ? readCached(fd, bytes, start) : 0;
  while (done < length) {
    const { bytesRead } = await readAt(
      fd,
      bytes,
      done,
      Math.min(length - done, MAX_READ_BYTES),
      start + done,
    );
    if (bytesRead === 0) {
      throw new SyncError(`the file ended at byte ${start + done}; ${start + length} were expected`, {
        op: 'read',
        retryable: true,
        code: 'Changed',
      });
    }
    done += bytesRead;
  }
  return bytes;
}

/** Calls `visit` with every entry, in no order. Throws Node's errors; a directory that cannot be read is no empty one. */
export function listDirectory(path: Buffer, visit: (entry: Dirent<Buffer>) => void): void {
  // @types/node lacks `encoding: 'buffer'`, which Node honours.
  const directory = opendirSync(path, { bufferSize: 1024, encoding: 'buffer' as BufferEncoding });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      visit(entry as unknown as Dirent<Buffer>);
    }
  } finally {
    directory.closeSync();
  }
}

/** `lstatSync` with nanoseconds. */
export function lstatBig(path: Buffer): BigIntStats {
  return lstatSync(path, { bigint: true });
}

/** A path error as a value where it only says what is there, as `SyncError` where it is a failure. */
function attempt<T>(path: Buffer, action: () => T): T | SkipReason {
  try {
    return action();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return 'vanished';
    // EXDEV: a link that leads out of the folder.
    if (error.code === 'ELOOP' || error.code === 'EXDEV') return 'symlink';
    if (error.code === 'ENXIO' || error.code === 'ENODEV') return 'device';
    throw pathError('open', path, error);
  }
}

/** A system error that names the path; descriptors and memory run short for a while, permissions do not. */
export function pathError(op: string, path: Buffer, cause: { code: string; message: string }): SyncError {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  const hint = denied ? 'Give the agent permission on the file and its directories.' : undefined;
  return new SyncError(`${path.toString()}: ${cause.message}`, {
    op,
    key: path.toString(),
    retryable: true,
    code: cause.code,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
