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
const RENAME_EXCHANGE = 2;
/** https://man7.org/linux/man-pages/man2/utimensat.2.html */
const UTIME_OMIT = (1n << 30n) - 2n;
const AT_FDCWD = -100;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
/** https://man7.org/linux/man-pages/man2/open_by_handle_at.2.html */
const MAX_HANDLE_BYTES = 128;
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;
const POLLPRI = 0x2;

const libc = koffi.load(null);
const calls = {
  inotifyInit: libc.func('int inotify_init1(int flags)'),
  inotifyAddWatch: libc.func('int inotify_add_watch(int fd, const uint8_t *path, uint32_t mask)'),
  inotifyRmWatch: libc.func('int inotify_rm_watch(int fd, int wd)'),
  read: libc.func('intptr_t read(int fd, uint8_t *buffer, size_t count)'),
  fcntl: libc.func('int fcntl(int fd, int command, ...)'),
  flock: libc.func('int flock(int fd, int operation)'),
  poll: libc.func('int poll(uint8_t *fds, unsigned long count, int timeout)'),
  fanotifyInit: libc.func('int fanotify_init(uint32_t flags, uint32_t eventFlags)'),
  fanotifyMark: libc.func(
    'int fanotify_mark(int fd, uint32_t flags, uint64_t mask, int directory, const uint8_t *path)',
  ),
  nameToHandleAt: libc.func(
    'int name_to_handle_at(int directory, const uint8_t *path, uint8_t *handle, uint8_t *mountId, int flags)',
  ),
  openByHandleAt: libc.func('int open_by_handle_at(int mount, const uint8_t *handle, int flags)'),
  exit: libc.func('void _exit(int code)'),
  futimens: libc.func('int futimens(int fd, const uint8_t *times)'),
};
/** https://man7.org/linux/man-pages/man2/readv.2.html */
const RWF_NOWAIT = 0x8;
const preadv2 = functionOrNothing(
  'intptr_t preadv2(int fd, const uint8_t *vector, int count, int64_t offset, int flags)',
);
const vector = Buffer.alloc(16);
const onExit = functionOrNothing('int on_exit(void *act, void *argument)');
const renameat2 = functionOrNothing(
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

/** Ends the process, with nothing left to be closed. */
export function exitNow(code: number): void {
  calls.exit(code);
}

/**
 * Whatever ends the process from now on, a crash too: nothing that was registered before runs at its exit. koffi would flush
 * the standard streams, and wait for ever when the disk of both refuses. musl does not offer it.
 * https://man7.org/linux/man-pages/man3/on_exit.3.html
 */
export function skipExitHandlers(): void {
  onExit?.(libc.symbol('_exit', 'void *'), null);
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

/** A fanotify descriptor. Throws EPERM without CAP_SYS_ADMIN, EINVAL or ENOSYS where the kernel cannot do this. */
export function fanotifyInit(flags: number): number {
  return checked(calls.fanotifyInit(flags, 0), 'fanotify_init');
}

/** Throws ENODEV, EXDEV or ENOTSUP where the filesystem has no usable file handles. */
export function fanotifyMark(fd: number, flags: number, mask: number, path: Buffer): void {
  checked(calls.fanotifyMark(fd, flags, mask, AT_FDCWD, terminated(path)), 'fanotify_mark', path);
}

/** The `struct file_handle` of what the path names. Throws ENOTSUP where the filesystem has none. */
export function handleOf(path: Buffer): Buffer {
  const handle = Buffer.alloc(8 + MAX_HANDLE_BYTES);
  handle.writeUInt32LE(MAX_HANDLE_BYTES);
  const result = calls.nameToHandleAt(AT_FDCWD, terminated(path), handle, Buffer.alloc(4), 0);
  checked(result, 'name_to_handle_at', path);
  return handle.subarray(0, 8 + handle.readUInt32LE(0));
}

/**
 * An O_PATH descriptor of the directory with this handle, seen through the mount that `mountFd` is in. Throws ESTALE
 * when it is gone, EPERM without CAP_DAC_READ_SEARCH.
 */
export function openDirectoryByHandle(mountFd: number, handle: Buffer): number {
  return checked(calls.openByHandleAt(mountFd, handle, O_PATH_CLOEXEC), 'open_by_handle_at');
}

/** Whether something out of the ordinary (POLLPRI) is to be read; for /proc/self/mountinfo: it has changed. */
export function hasUrgentNews(fd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  entry.writeInt16LE(POLLPRI, 4);
  return checked(calls.poll(entry, 1, 0), 'poll') > 0;
}

/** How many bytes were read; 0 when there is nothing to read now. */
export function readNow(fd: number, buffer: Buffer): number {
  const count = Number(calls.read(fd, buffer, buffer.length));
  if (count >= 0) return count;
  const errno = koffi.errno();
  if (errno === koffi.os.errno.EAGAIN || errno === koffi.os.errno.EINTR) return 0;
  throw systemError(errno, 'read');
}

/**
 * Reads what the page cache has of the file, from `start` into the buffer, and answers how many bytes that were: fewer
 * where a disk would have to be waited for. 0 also where the kernel cannot do this, or there is an error: a read that
 * waits tells.
 */
export function readCached(fd: number, buffer: Buffer, start: number): number {
  if (preadv2 === undefined || buffer.length === 0) return 0;
  vector.writeBigUInt64LE(koffi.address(buffer), 0);
  vector.writeBigUInt64LE(BigInt(buffer.length), 8);
  return Math.max(0, Number(preadv2(fd, vector, 1, start, RWF_NOWAIT)));
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
  renameWith(RENAME_NOREPLACE, from, to);
}

/** Each gets the other's name, at once. `EINVAL` where the file system does not offer it, else as above. */
export function renameExchange(from: Buffer, to: Buffer): void {
  renameWith(RENAME_EXCHANGE, from, to);
}

function renameWith(flags: number, from: Buffer, to: Buffer): void {
  if (renameat2 === undefined) throw systemError(koffi.os.errno.ENOSYS ?? 38, 'renameat2', from);
  checked(renameat2(AT_FDCWD, terminated(from), AT_FDCWD, terminated(to), flags), 'renameat2', from);
}

/** To the nanosecond, which Node's own numbers cannot hold. The same layout on x64 and arm64. */
export function setModificationTime(fd: number, mtimeNs: bigint): void {
  const times = Buffer.alloc(32);
  times.writeBigInt64LE(UTIME_OMIT, 8);
  const ns = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  times.writeBigInt64LE((mtimeNs - ns) / 1_000_000_000n, 16);
  times.writeBigInt64LE(ns, 24);
  checked(calls.futimens(fd, times), 'futimens');
}

function checked(result: number, syscall: string, path?: Buffer): number {
  if (result === -1) throw systemError(koffi.errno(), syscall, path);
  return result;
}

/** Node has no name for ESTALE. */
export function systemError(errno: number, syscall: string, path?: Buffer): SystemError {
  const code = errno === koffi.os.errno.ESTALE ? 'ESTALE' : getSystemErrorName(-errno);
  const where = path === undefined ? '' : ` '${path.toString()}'`;
  const error = new Error(`${code}: ${getSystemErrorMessage(-errno)}, ${syscall}${where}`);
  return Object.assign(error, { code, errno: -errno, syscall });
}

function terminated(path: Buffer): Buffer {
  const bytes = Buffer.alloc(path.length + 1);
  path.copy(bytes);
  return bytes;
}

/** Not every C library has every function: musl has renameat2 only since 1.2.6, and no malloc_trim. */
export function functionOrNothing(
  prototype: string,
): KoffiFunc<(...values: unknown[]) => number> | undefined {
  try {
    return libc.func(prototype);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('Cannot find function')) throw error;
    return undefined;
  }
}
