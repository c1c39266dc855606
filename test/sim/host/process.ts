/**
 * The processes of simulated hosts. Whoever calls the kernel is found by the asynchronous context that a process was
 * started in; who is dead gets no answer but an error that nothing in the program knows, so that nothing of it goes on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { constants } from 'node:os';
import type { Instance, Simulation } from '../simulation.ts';
import type { Disk, Inode } from './disk.ts';
import type { SystemCall } from './errors.ts';

export interface Descriptor {
  readonly inode: Inode;
  readonly writes: boolean;
  offset: number;
  lease: 'none' | 'held' | 'breaking';
  locks: boolean;
}

/** What the kernel asks of the host that a process runs on. */
export interface Machine {
  /** Of its agent, for the log. */
  readonly kind: string;
  readonly sim: Simulation;
  readonly disk: Disk;
  /** Whether its file system grants leases. */
  readonly leases: boolean;
  /** Of its wall clock. */
  nowMs(): number;
  /** At each system call: somebody else may act now, or the process may die, or the call fails with what is answered. */
  interrupt(process: Process, call: SystemCall): string | undefined;
}

export interface Process extends Instance {
  readonly machine: Machine;
  readonly descriptors: Map<number, Descriptor>;
  /** Rows of an index as they are on the disk, for the scan. */
  readonly rows: (file: string) => IndexFile;
}

/** What a scan sees of an index. */
export interface IndexFile {
  /** In byte order of path; rows come and go meanwhile. */
  after(folder: string, path: string): { path: string; synced: boolean; stamp: string } | undefined;
}

/** The process is dead: nothing of it may go on. */
export class Killed extends Error {}

export const running = new AsyncLocalStorage<Process>();

/** Who makes the system call. @throws a system error that has nothing to do with what is asked for */
export function caller(call: SystemCall): Process {
  const process = current();
  const code = process.machine.interrupt(process, call);
  if (!process.alive) throw new Killed();
  if (code !== undefined) throw systemError(code, call);
  return process;
}

/** As `caller`, for what is no system call. */
export function current(): Process {
  const process = running.getStore();
  if (process === undefined) throw new Error('there is no process that calls');
  if (!process.alive) throw new Killed();
  return process;
}

/** In a process that may have ended by then; answers how to cancel. */
export function later(process: Process, delayMs: number, action: () => void): { cancel(): void } {
  let cancelled = false;
  process.machine.sim.scheduler.after(delayMs, () => {
    if (cancelled || !process.alive) return;
    try {
      running.run(process, action);
    } catch (error) {
      if (error instanceof Killed) return;
      // Node ends a program for that.
      process.machine.sim.violate('bug', `${process.name} throws where nobody catches: ${String(error)}`);
    }
  });
  return {
    cancel() {
      cancelled = true;
    },
  };
}

const ERRNO: Record<string, number> = constants.errno;

/** In the shape of Node's own. */
export function systemError(code: string, syscall: string, path = ''): Error {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), {
    code,
    errno: -(ERRNO[code] ?? 0),
    syscall,
  });
}

export function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
