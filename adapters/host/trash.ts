/**
 * Removes a local file so that nothing is lost when somebody touches it meanwhile: rename it out of sight, look again,
 * and only then unlink. Beside each file in the trash a symlink holds its path: one atomic call, 4,095 bytes of any
 * kind, and never followed. Our own crash therefore leaves enough to put everything back.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { SyncError } from '#core/errors.ts';
import { leaseBroken, takeReadLease } from './lease.ts';
import { isSystemError, renameNoReplace } from './libc.ts';
import { openParent } from './parent.ts';
import {
  type FileState,
  HIDDEN_DIRECTORY,
  joinPath,
  lstatBig,
  pathError,
  sameContent,
  sameState,
  statOf,
} from './tree.ts';

/** https://man7.org/linux/man-pages/man3/limits.h.0p.html */
const NAME_MAX_BYTES = 255;
const RECORD_SUFFIX = '.path';
/** Of a file that a crash has parted from its path, in the root of the folder. */
export const RECOVERED_SUFFIX = '.sluice-recovered';
const TRASH = Buffer.from(`${HIDDEN_DIRECTORY}/trash`);
const prefix = randomBytes(6).toString('hex');
let counter = 0;

/**
 * Unlinks the file at `path` (relative to the root) if it is still the one that `fd` has open, in state `expected`.
 * `changed`: somebody touched, replaced or reopened it; it is back in the tree, at its place or, if a new file has the
 * name, beside it as `<name>.sluice-conflict-<n>`. The read lease must still be held; where leases do not work, inode,
 * size and times alone decide. Throws `SyncError` when the file cannot be moved (other file system, no permission).
 */
export function removeSafely(
  root: Buffer,
  path: Buffer,
  fd: number,
  expected: FileState,
): 'removed' | 'changed' {
  if (leaseLost(fd) || !sameState(statOf(fd), expected)) return 'changed';
  const target = joinPath(root, path);
  const grave = record(root, path);
  if (!rename(target, grave)) {
    unlinkSync(recordOf(grave));
    return 'changed';
  }
  if (!isUntouched(fd, grave, expected)) {
    putBack(root, path, grave);
    return 'changed';
  }
  bury(root, path, grave);
  unlinkSync(recordOf(grave));
  return 'removed';
}

/** What cannot be looked at may have been touched. */
function isUntouched(fd: number, grave: Buffer, expected: FileState): boolean {
  try {
    const moved = lstatBig(grave);
    const ours = moved.ino === expected.ino && moved.dev === expected.dev;
    return ours && !leaseLost(fd) && sameContent(statOf(fd), expected);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** What cannot be removed must not stay out of sight. */
function bury(root: Buffer, path: Buffer, grave: Buffer): void {
  try {
    unlinkSync(grave);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    putBack(root, path, grave);
    throw pathError('remove', path, error);
  }
}

/**
 * Puts back what a crash left between rename and unlink; call it before watching, with the folder locked. Answers
 * the paths, relative to the root, at which the files are now. A file without a record of its path comes to the root.
 *
 * @param before is told each file before it is moved; what it throws leaves that file where it is
 */
export function recoverTrash(
  root: Buffer,
  before: (file: FileState) => void,
  failed: (error: unknown) => void = (error) => {
    throw error;
  },
): Buffer[] {
  const trash = joinPath(root, TRASH);
  const names = new Set(namesIn(trash).map((name) => name.toString('latin1')));
  const recovered: Buffer[] = [];
  for (const name of names) {
    if (name.endsWith(RECORD_SUFFIX)) continue;
    const grave = joinPath(trash, Buffer.from(name, 'latin1'));
    try {
      before(statOf(grave));
      const hasRecord = names.has(name + RECORD_SUFFIX);
      const path = hasRecord ? readlinkSync(recordOf(grave), { encoding: 'buffer' }) : undefined;
      recovered.push(putBack(root, path ?? Buffer.from(name + RECOVERED_SUFFIX, 'latin1'), grave));
    } catch (error) {
      failed(error);
    }
  }
  for (const name of names) {
    if (!name.endsWith(RECORD_SUFFIX) || names.has(name.slice(0, -RECORD_SUFFIX.length))) continue;
    unlinkSync(joinPath(trash, Buffer.from(name, 'latin1')));
  }
  return recovered;
}

/** A lease that this file system never grants cannot be lost. */
function leaseLost(fd: number): boolean {
  return leaseBroken(fd) && takeReadLease(fd) !== 'unsupported';
}

/** Writes the record first, so that no file is ever in the trash without one; answers where the file is to go. */
function record(root: Buffer, path: Buffer): Buffer {
  for (;;) {
    const grave = Buffer.concat([root, Buffer.from('/'), TRASH, Buffer.from(`/${prefix}-${counter++}`)]);
    try {
      symlinkSync(path, recordOf(grave));
      return grave;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code === 'ENOENT') mkdirSync(joinPath(root, TRASH), { recursive: true, mode: 0o700 });
      else if (error.code !== 'EEXIST') throw pathError('remove', path, error);
    }
  }
}

function recordOf(grave: Buffer): Buffer {
  return Buffer.concat([grave, Buffer.from(RECORD_SUFFIX)]);
}

function rename(from: Buffer, to: Buffer): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
    unlinkSync(recordOf(to));
    throw pathError('remove', from, error);
  }
}

/** Answers the path at which the file is now. Until it is there it stays in the trash, with its record. */
function putBack(root: Buffer, path: Buffer, grave: Buffer): Buffer {
  try {
    const { fd, parent, firstConflict, at } = placeOf(root, path);
    try {
      for (let n = firstConflict; ; n++) {
        const candidate = n === 0 ? at.name : conflictName(at.name, n);
        if (!moveIfAbsent(grave, joinPath(parent, candidate))) continue;
        unlinkIfThere(recordOf(grave));
        return joinPath(at.directory, candidate);
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw pathError('put-back', path, {
      ...error,
      message: `stays as ${grave.toString()}: ${error.message}`,
    });
  }
}

/** The file's own directory; or the root, under a conflict name, where something else has taken its place. */
function placeOf(root: Buffer, path: Buffer) {
  const slash = path.lastIndexOf('/');
  const name = path.subarray(slash + 1);
  const directory = path.subarray(0, Math.max(slash, 0));
  try {
    const { fd, path: parent } = openParent(root, directory);
    return { fd, parent, firstConflict: 0, at: { directory, name } };
  } catch (error) {
    const code = isSystemError(error) || error instanceof SyncError ? (error.code ?? '') : '';
    if (!['ENOTDIR', 'ELOOP', 'Outside'].includes(code)) throw error;
    const { fd, path: parent } = openParent(root, Buffer.alloc(0));
    return { fd, parent, firstConflict: 1, at: { directory: Buffer.alloc(0), name } };
  }
}

/** The name beside a name that is taken, no longer than a name may be. */
export function conflictName(name: Buffer, n: number): Buffer {
  const suffix = Buffer.from(`.sluice-conflict-${n}`);
  return Buffer.concat([name.subarray(0, NAME_MAX_BYTES - suffix.length), suffix]);
}

/** False when the name is taken. A hard link does where renameat2 does not; both never replace a file. */
export function moveIfAbsent(from: Buffer, to: Buffer): boolean {
  try {
    renameNoReplace(from, to);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EEXIST') return false;
    if (error.code !== 'ENOSYS' && error.code !== 'EINVAL') throw error;
  }
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
    // A crash between link and unlink leaves both names of one file.
    const [left, right] = [lstatSync(from), lstatSync(to)];
    if (left.ino !== right.ino || left.dev !== right.dev) return false;
  }
  unlinkSync(from);
  return true;
}

function unlinkIfThere(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
}

function namesIn(directory: Buffer): Buffer[] {
  try {
    return readdirSync(directory, { encoding: 'buffer' });
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    return [];
  }
}
