/** What stands for modules of adapters/host that call the kernel past Node: leases, locks, renames, reads, hashing. */
import { hash } from 'node:crypto';
import { crc32Base64 } from '#adapters/crc32.ts';
import { createContentHash } from '#adapters/host/content-hash.ts';
import type { HashTask } from '#adapters/host/hash-worker.ts';
import {
  descriptorOf,
  dropLease,
  leaseKind,
  openDescriptor,
  takeLease,
  tryLockDescriptor,
} from './descriptors.ts';
import { readNow } from './file-bytes.ts';
import { rename } from './files.ts';
import { walk } from './paths.ts';
import { caller, current, isSystemError, later, systemError } from './process.ts';

const LEASE = { read: 0, none: 2 } as const;

/** For adapters/host/libc.ts. */
export const libc = {
  LEASE,
  isSystemError,
  getLease(fd: number): number {
    return leaseKind(fd) === 'none' ? LEASE.none : LEASE.read;
  },
  setLease(fd: number, kind: number): void {
    if (kind === LEASE.read) takeLease(caller('take a lease'), fd);
    else dropLease(current(), descriptorOf(current(), fd, 'fcntl'));
  },
  tryLock: (fd: number) => tryLockDescriptor(caller('flock'), fd),
  renameNoReplace: (from: Buffer, to: Buffer) => rename(from, to, 'keep'),
  renameExchange: (from: Buffer, to: Buffer) => rename(from, to, 'exchange'),
  /** What is not cached yet has to be waited for; what cannot be read, whoever waits is told. */
  readCached(fd: number, buffer: Buffer, start: number): number {
    try {
      const process = caller('read');
      const most = process.machine.sim.choices.below(2) === 0 ? buffer.length : buffer.length >> 1;
      return readNow(process, fd, buffer.subarray(0, most), start);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return 0;
    }
  },
  setModificationTime(fd: number, mtimeNs: bigint): void {
    const process = caller('futimens');
    const { inode } = descriptorOf(process, fd, 'futimens');
    process.machine.disk.touch(inode);
    inode.mtimeNs = mtimeNs;
  },
};

/** For adapters/host/open-beneath.ts; there are no links here to be followed. */
export const beneath = {
  openBeneath(rootFd: number, path: Buffer): number {
    const process = caller('openat2');
    const text = path.toString('latin1');
    const { inode } = walk(descriptorOf(process, rootFd, 'openat2').inode, text, 'openat2');
    if (inode === undefined) throw systemError('ENOENT', 'openat2', text);
    if (inode.kind === 'link') throw systemError('ELOOP', 'openat2', text);
    return openDescriptor(process, inode, false);
  },
};

/** For adapters/host/hash-threads.ts. */
export const hashThreads = {
  inHashThread(
    task: HashTask,
  ): Promise<{ hash: string } | { md5: string; crc32: string } | { endedAt: number }> {
    const process = current();
    return new Promise((resolve, reject) => {
      later(process, 1 + process.machine.sim.choices.below(3), () => {
        try {
          resolve(hashed(task));
        } catch (error) {
          reject(error);
        }
      });
    });
  },
};

function hashed(task: HashTask): { hash: string } | { md5: string; crc32: string } | { endedAt: number } {
  const process = caller('read');
  const length = task.do === 'hash' ? task.sizeBytes : task.length;
  const start = task.do === 'hash' ? 0 : task.start;
  const bytes = task.do === 'hash' ? Buffer.alloc(length) : Buffer.from(task.memory, 0, length);
  const done = readNow(process, task.fd, bytes, start);
  if (done < length) return { endedAt: start + done };
  if (task.do === 'read') return { md5: hash('md5', bytes), crc32: crc32Base64(bytes) };
  const content = createContentHash(task.partBytes);
  content.update(bytes);
  return { hash: content.digest() };
}
