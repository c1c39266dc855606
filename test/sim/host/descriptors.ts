/** Open files of simulated processes, with the leases and locks that go with them. Numbers are never used twice. */
import type { Inode } from './disk.ts';
import { current, type Descriptor, later, type Process, running, systemError } from './process.ts';

interface Held {
  process: Process;
  descriptor: Descriptor;
}

/** Of files that have any. */
const leases = new WeakMap<Inode, Set<Held>>();
const waiting = new WeakMap<Inode, (() => void)[]>();
const locks = new WeakMap<Inode, Descriptor>();
let last = 100;

/** https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html, lease-break-time */
const BREAK_MS = 45_000;

export function openDescriptor(process: Process, inode: Inode, writes: boolean): number {
  const fd = ++last;
  process.descriptors.set(fd, { inode, writes, offset: 0, lease: 'none', locks: false });
  if (writes) inode.writers++;
  return fd;
}

export function descriptorOf(process: Process, fd: number, syscall: string): Descriptor {
  const descriptor = process.descriptors.get(fd);
  if (descriptor === undefined) throw systemError('EBADF', syscall, String(fd));
  return descriptor;
}

export function closeDescriptor(process: Process, fd: number): void {
  const descriptor = descriptorOf(process, fd, 'close');
  process.descriptors.delete(fd);
  const { inode, writes, locks: locked } = descriptor;
  if (writes) inode.writers--;
  if (locked) locks.delete(inode);
  dropLease(process, descriptor);
}

export function takeLease(process: Process, fd: number): void {
  const descriptor = descriptorOf(process, fd, 'fcntl');
  const { inode } = descriptor;
  if (!process.machine.leases) throw systemError('EINVAL', 'fcntl');
  if (inode.writers > 0) throw systemError('EAGAIN', 'fcntl');
  descriptor.lease = 'held';
  const held = leases.get(inode) ?? new Set();
  held.add({ process, descriptor });
  leases.set(inode, held);
}

export function dropLease(process: Process, descriptor: Descriptor): void {
  if (descriptor.lease === 'none') return;
  const { inode } = descriptor;
  descriptor.lease = 'none';
  const held = leases.get(inode) ?? new Set();
  for (const one of held) if (one.descriptor === descriptor) held.delete(one);
  if (held.size > 0) return;
  leases.delete(inode);
  const writers = waiting.get(inode) ?? [];
  waiting.delete(inode);
  for (const go of writers) process.machine.sim.scheduler.after(0, go);
}

/** A lease of another process, or of none, is not for the caller to see. */
export function leaseKind(fd: number): 'held' | 'other' | 'none' {
  const descriptor = current().descriptors.get(fd);
  if (descriptor === undefined) return 'other';
  return descriptor.lease === 'held' ? 'held' : 'none';
}

/**
 * For whoever opens it for writing: the holders are told, and `go` comes when they have let go. Answers whether there were
 * any.
 */
export function breakLeases(inode: Inode, go: () => void): boolean {
  const held = leases.get(inode);
  if (held === undefined || held.size === 0) {
    go();
    return false;
  }
  waiting.set(inode, [...(waiting.get(inode) ?? []), go]);
  for (const { process: holder, descriptor } of held) {
    if (descriptor.lease === 'breaking') continue;
    descriptor.lease = 'breaking';
    later(holder, 0, () => void process.emit('SIGIO', 'SIGIO'));
    holder.machine.sim.scheduler.after(BREAK_MS, () => dropLease(holder, descriptor));
  }
  return true;
}

export function tryLockDescriptor(process: Process, fd: number): boolean {
  const descriptor = descriptorOf(process, fd, 'flock');
  const holder = locks.get(descriptor.inode);
  if (holder !== undefined && holder !== descriptor) return false;
  locks.set(descriptor.inode, descriptor);
  descriptor.locks = true;
  return true;
}

/** What the kernel does for a process that has died. */
export function closeAll(process: Process): void {
  running.exit(() => {
    for (const fd of [...process.descriptors.keys()]) closeDescriptor(process, fd);
  });
}
