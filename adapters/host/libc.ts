/**
 * The few libc calls that Node does not offer, by FFI. `load(null)` resolves them in the running process, so the same
 * code works on glibc and musl. Paths are bytes: a name that is not UTF-8 must reach the kernel unchanged.
 */
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import koffi, { type KoffiFunc } from 'koffi';

/** https://man7.org/linux/man-pages/man2/fcntl.2.html and linux/fcntl.h; the same numbers on x64 and arm64. */
const F_SETLEASE = 1024;
const F_GETLEASE = 1025;
export const LEASE = { read: 0, none: 2 } as const;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** https://man7.org/linux/man-pages/man2/rename.2.html */
const RENAME_NOREPLACE = 1;
const AT_FDCWD = -100;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;

const libc = koffi.load(null);
const calls = {
  inotifyInit: libc.func('int inotify_init1(int flags)'),
  inotifyAddWatch: libc.func('int inotify_add_watch(int fd, const uint8_t *path, uint32_t mask)'),
  inotifyRmWatch: libc.func('int inotify_rm_watch(int fd, int wd)'),
  read: libc.func('intptr_t read(int fd, uint8_t *buffer, size_t count)'),
  fcntl: libc.func('int fcntl(int fd, int command, ...)'),
  flock: libc.func('int flock(int fd, int operation)'),
};
const renameat2 = symbolOrNothing(
  'int renameat2(int fromFd, const uint8_t *from, int toFd, const uint8_t *to, uint32_t flags)',
);

/** A failed call, in the shape of Node's own system errors: `code`, `errno`, `syscall`. */
export interface SystemError extends Error {
  code: string;
  errno: number;
  syscall: string;
}

export function isSystemError(error: unknown): error is SystemError {
  const { code, syscall } = error instanceof Error ? (error as Partial<SystemError>) : {};
  return typeof code === 'string' && typeof syscall === 'string';
}

/** A non-blocking inotify descriptor. Throws EMFILE when the user has no instance left. */
export function inotifyInit(): number {
  return checked(calls.inotifyInit(IN_NONBLOCK | IN_CLOEXEC), 'inotify_init1');
}

/** The watch descriptor of the directory; the same one again when that inode is already watched. */
export function inotifyAddWatch(fd: number, path: Buffer, mask: number): number {
  return checked(calls.inotifyAddWatch(fd, terminated(path), mask), 'inotify_add_watch', path);
}

/** Removing a watch that the kernel has already dropped is no error. */
export function inotifyRemoveWatch(fd: number, wd: number): void {
  if (calls.inotifyRmWatch(fd, wd) === -1 && koffi.errno() !== koffi.os.errno.EINVAL) {
    throw systemError(koffi.errno(), 'inotify_rm_watch');
  }
}

/** How many bytes were read; 0 when there is nothing to read now. */
export function readNow(fd: number, buffer: Buffer): number {
  const count = Number(calls.read(fd, buffer, buffer.length));
  if (count >= 0) return count;
  const errno = koffi.errno();
  if (errno === koffi.os.errno.EAGAIN || errno === koffi.os.errno.EINTR) return 0;
  throw systemError(errno, 'read');
}

/** https://man7.org/linux/man-pages/man2/F_GETLEASE.2const.html */
export function setLease(fd: number, kind: number): void {
  checked(calls.fcntl(fd, F_SETLEASE, 'int', kind), 'fcntl');
}

/** The lease, or, while it is being broken, what it is being broken to. */
export function getLease(fd: number): number {
  return checked(calls.fcntl(fd, F_GETLEASE, 'int', 0), 'fcntl');
}

/** Whether the exclusive lock was had; it goes with the descriptor, so it cannot outlive a killed process. */
export function tryLock(fd: number): boolean {
  if (calls.flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const errno = koffi.errno();
  if (errno === koffi.os.errno.EAGAIN) return false;
  throw systemError(errno, 'flock');
}

/** Renames unless the target exists (EEXIST). `ENOSYS` where libc, kernel or file system do not offer it. */
export function renameNoReplace(from: Buffer, to: Buffer): void {
  if (renameat2 === undefined) throw systemError(koffi.os.errno.ENOSYS ?? 38, 'renameat2', from);
  const result = renameat2(AT_FDCWD, terminated(from), AT_FDCWD, terminated(to), RENAME_NOREPLACE);
  checked(result, 'renameat2', from);
}

function checked(result: number, syscall: string, path?: Buffer): number {
  if (result === -1) throw systemError(koffi.errno(), syscall, path);
  return result;
}

function systemError(errno: number, syscall: string, path?: Buffer): SystemError {
  const code = getSystemErrorName(-errno);
  const where = path === undefined ? '' : ` '${path.toString()}'`;
  const error = new Error(`${code}: ${getSystemErrorMessage(-errno)}, ${syscall}${where}`);
  return Object.assign(error, { code, errno: -errno, syscall });
}

function terminated(path: Buffer): Buffer {
  const bytes = Buffer.alloc(path.length + 1);
  path.copy(bytes);
  return bytes;
}

/** musl has renameat2 only since 1.2.6. */
function symbolOrNothing(prototype: string): KoffiFunc<(...values: unknown[]) => number> | undefined {
  try {
    return libc.func(prototype);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('Cannot find function')) throw error;
    return undefined;
  }
}
