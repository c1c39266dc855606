/**
 * The system calls of an agent: which there are, and one of them broken. `when=` counts for each thread, so there is
 * one thread in the pool. https://man7.org/linux/man-pages/man1/strace.1.html
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartOptions } from './scene.ts';

/** The `ordinal`th call of its kind in some thread. */
export interface Point {
  syscall: string;
  ordinal: number;
}

/** Never with --seccomp-bpf: it silently injects nothing. */
const STRACE = ['strace', '-f', '-qq', '-y', '-s', '0'];
const INJECTED = '(INJECTED)';
const UNLOCK = 'l_type=F_UNLCK';
const TELLING = /^\d+ +[a-z0-9_]+\([12]</;
const LINE = /^(\d+) +([a-z0-9_]+)\((.*)/;

export interface Trace {
  options: StartOptions;
  /** Of the calls that name the path, or a socket: those of the runtime itself are not ours to break. */
  points(path: string): Point[];
  /** The kinds of calls that were broken, in a way that a kernel knows. */
  injected(): Set<string>;
  /** Whether the release of a lock was refused: no kernel does that, and SQLite waits for such a lock for ever. */
  refusedUnlock(): boolean;
  /** Whether a call was broken that tells, on the standard output or error: then the exit code alone can. */
  mute(): boolean;
}

/** @param injections as strace takes them, such as `fsync:error=EIO:when=3`; not two of one kind of call */
export function traced(
  directory: string,
  syscalls: readonly string[],
  injections: readonly string[] = [],
): Trace {
  const file = join(directory, 'trace');
  const inject = injections.flatMap((one) => ['-e', `inject=${one}`]);
  return {
    options: {
      wrapper: [...STRACE, '-o', file, '-e', `trace=${syscalls.join(',')}`, ...inject],
      environment: { UV_THREADPOOL_SIZE: '1' },
    },
    points: (path) => pointsOf(readFileSync(file, 'utf8'), path),
    injected: () =>
      new Set(
        brokenIn(file)
          .filter((line) => !line.includes(UNLOCK))
          .map((line) => LINE.exec(line)?.[2] ?? 'unknown'),
      ),
    refusedUnlock: () => brokenIn(file).some((line) => line.includes(UNLOCK)),
    mute: () => brokenIn(file).some((line) => TELLING.test(line)),
  };
}

function brokenIn(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes(INJECTED));
}

function pointsOf(trace: string, path: string): Point[] {
  const counts = new Map<string, number>();
  const found = new Map<string, Point>();
  for (const line of trace.split('\n')) {
    const [, thread = '', syscall = '', rest = ''] = LINE.exec(line) ?? [];
    if (syscall === '') continue;
    const id = `${thread} ${syscall}`;
    const ordinal = (counts.get(id) ?? 0) + 1;
    counts.set(id, ordinal);
    if (rest.includes(path) || rest.includes('socket:'))
      found.set(`${syscall} ${ordinal}`, { syscall, ordinal });
  }
  return [...found.values()];
}
