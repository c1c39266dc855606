/**
 * Opens a file of a folder so that no symlink, planted on the way at any moment, leads out of it: the kernel resolves
 * the whole path below the folder in one call. https://man7.org/linux/man-pages/man2/openat2.2.html
 */
import { closeSync, constants, openSync } from 'node:fs';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import koffi from 'koffi';

/** The same number on x64 and arm64: https://github.com/torvalds/linux/blob/master/include/uapi/asm-generic/unistd.h */
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const O_CLOEXEC = 0o2000000;
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC;
const HOW_BYTES = 24;
/** A component was replaced during the look; the kernel asks to look again. */
const TRIES = 5;
const EXDEV = 18;

const syscall = koffi
  .load(null)
  .func('long syscall(long number, int directory, const uint8_t *path, const uint8_t *how, size_t size)');

let available = true;

/**
 * A descriptor for reading, without blocking. Symlinks anywhere in the path are refused with ELOOP, or, with
 * `followLinks`, followed as long as they stay below `rootFd` (else EXDEV). Throws Node's errors.
 */
export function openBeneath(rootFd: number, path: Buffer, followLinks: boolean): number {
  const how = Buffer.alloc(HOW_BYTES);
  how.writeBigUInt64LE(BigInt(FLAGS), 0);
  const links = followLinks ? 0n : RESOLVE_NO_SYMLINKS;
  how.writeBigUInt64LE(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | links, 16);
  const terminated = Buffer.concat([path, Buffer.of(0)]);
  for (let tries = 1; available; tries++) {
    const fd = Number(syscall(SYS_OPENAT2, rootFd, terminated, how, HOW_BYTES));
    if (fd >= 0) return fd;
    const errno = koffi.errno();
    const code = getSystemErrorName(-errno);
    if (code === 'ENOSYS' || (code === 'EPERM' && !seen(rootFd))) available = false;
    else if (code !== 'EAGAIN' || tries === TRIES) throw failure(code, errno, path);
  }
  return openStepwise(rootFd, path);
}

/** Old kernels have no openat2, and old container runtimes answer EPERM for what they do not know. */
function seen(rootFd: number): boolean {
  const how = Buffer.alloc(HOW_BYTES);
  how.writeBigUInt64LE(BigInt(constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC), 0);
  const fd = Number(syscall(SYS_OPENAT2, rootFd, Buffer.from('.\0'), how, HOW_BYTES));
  if (fd < 0) return false;
  closeSync(fd);
  return true;
}

/** The same, one directory at a time, for kernels without openat2; links are never followed then. */
export function openStepwise(rootFd: number, path: Buffer): number {
  const steps = path.toString('latin1').split('/');
  const name = steps.pop() ?? '';
  let directory = rootFd;
  try {
    for (const step of steps) {
      if (step === '..') throw failure('EXDEV', EXDEV, path);
      const above = directory;
      directory = openSync(below(above, step), FLAGS | constants.O_NOFOLLOW | constants.O_DIRECTORY);
      if (above !== rootFd) closeSync(above);
    }
    if (name === '..') throw failure('EXDEV', EXDEV, path);
    return openSync(below(directory, name), FLAGS | constants.O_NOFOLLOW);
  } finally {
    if (directory !== rootFd) closeSync(directory);
  }
}

function below(directory: number, step: string): Buffer {
  return Buffer.from(`/proc/self/fd/${directory}/${step}`, 'latin1');
}

function failure(code: string, errno: number, path: Buffer): Error {
  const message = `${code}: ${getSystemErrorMessage(-errno)}, openat2 '${path.toString()}'`;
  return Object.assign(new Error(message), { code, errno: -errno, syscall: 'openat2' });
}
