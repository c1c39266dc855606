/**
 * Leases: Linux can tell whether anybody has a file open for writing. A read lease is granted only when nobody has,
 * and breaks, with SIGIO, when somebody opens it for writing or truncates it.
 * https://man7.org/linux/man-pages/man2/F_GETLEASE.2const.html
 */
import { isMainThread } from 'node:worker_threads';
import { getLease, isSystemError, LEASE, setLease } from './libc.ts';

/** NFS and FUSE say EINVAL, EAGAIN never; another owner's file without CAP_LEASE says EACCES. */
const UNSUPPORTED = new Set([
  'EINVAL',
  'EACCES',
  'EPERM',
  'ENOLCK',
  'EOPNOTSUPP',
  'ENOTSUP',
  'ENOSYS',
  'ENOTTY',
]);

const listeners = new Set<() => void>();
let handlerInstalled = false;

/**
 * `held`: nobody writes the file, and `onLeaseBreak` tells when somebody wants to. `busy`: somebody has it open for
 * writing. `unsupported`: not on this file system, or not this user's file. The descriptor must be open for reading
 * only; the lease goes when it is closed. Throws on any other error.
 */
export function takeReadLease(fd: number): 'held' | 'busy' | 'unsupported' {
  installHandler();
  try {
    setLease(fd, LEASE.read);
    return 'held';
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EAGAIN') return 'busy';
    if (UNSUPPORTED.has(error.code)) return 'unsupported';
    throw error;
  }
}

/** True when the lease is gone or somebody waits for it to go; such a writer must not be kept waiting. */
export function leaseBroken(fd: number): boolean {
  return getLease(fd) !== LEASE.read;
}

/** Lets a waiting writer go on. Releasing a lease that is not held is no error. */
export function releaseLease(fd: number): void {
  try {
    setLease(fd, LEASE.none);
  } catch (error) {
    if (!isSystemError(error) || !(error.code === 'EAGAIN' || UNSUPPORTED.has(error.code))) throw error;
  }
}

/**
 * Calls the listener when some lease of this process is being broken; the signal does not say which, and two breaks
 * may come as one, so the listener asks `leaseBroken` for every lease it holds. Answers how to stop listening.
 */
export function onLeaseBreak(listener: () => void): () => void {
  installHandler();
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Stays for good: SIGIO without a handler ends the process, and a break may come after the last listener left. */
function installHandler(): void {
  if (handlerInstalled) return;
  if (!isMainThread) throw new Error('leases are taken on the main thread: workers get no signals');
  process.on('SIGIO', () => {
    for (const listener of [...listeners]) listener();
  });
  handlerInstalled = true;
}
