/**
 * What a system call may fail with, by its manual page, where the call itself is right: a disk that cannot be read, a file
 * system that has become read-only, too many open files, a server of files that forgets. What follows from what is there
 * (ENOENT, EEXIST, …) the simulated kernel says by itself. https://man7.org/linux/man-pages/dir_section_2.html
 *
 * The errors of leases and of what file systems may not offer are not here: those an agent rightly takes for good.
 */
import type { Simulation } from '../simulation.ts';

const READING = ['EIO', 'EACCES', 'ESTALE'] as const;
const WRITING = ['EIO', 'ENOSPC', 'EDQUOT'] as const;
const NAMING = ['EIO', 'EACCES', 'ENOSPC', 'EROFS'] as const;

const ERRORS = {
  open: [...READING, 'EMFILE', 'ENFILE'],
  'open to write': [...READING, ...WRITING, 'EMFILE', 'EROFS'],
  openat2: [...READING, 'EMFILE', 'EAGAIN'],
  close: ['EIO'],
  lstat: READING,
  fstat: ['EIO', 'ESTALE'],
  statfs: ['EIO', 'ESTALE'],
  scandir: READING,
  readlink: ['EIO'],
  read: ['EIO', 'ESTALE'],
  write: WRITING,
  ftruncate: WRITING,
  fsync: WRITING,
  mkdir: NAMING,
  symlink: NAMING,
  link: [...NAMING, 'EMLINK'],
  rename: NAMING,
  unlink: ['EIO', 'EACCES', 'EBUSY', 'EROFS'],
  rmdir: ['EIO', 'EACCES', 'EBUSY', 'EROFS'],
  fchmod: ['EIO', 'EPERM', 'EROFS'],
  futimens: ['EIO', 'EPERM', 'EROFS'],
  'take a lease': ['ENOMEM'],
  flock: ['ENOLCK', 'EINTR'],
  watch: ['EIO', 'EACCES'],
} as const satisfies Record<string, readonly string[]>;

export type SystemCall = keyof typeof ERRORS;

/** A disk that is in trouble is so for a while. */
const LONGEST_MS = 30_000;

export interface FailingCalls {
  /** With what the call fails because it fails for a while now; `undefined`: it does not. */
  now(call: SystemCall): string | undefined;
  /** With what it fails; `lasting`: from now on, for a while. */
  begin(call: SystemCall, lasting: boolean): string;
}

export function createFailingCalls({ choices, scheduler, trace }: Simulation): FailingCalls {
  let lasting: { call: SystemCall; code: string; untilMs: number } | undefined;

  return {
    now: (call) => (lasting?.call === call && scheduler.nowMs < lasting.untilMs ? lasting.code : undefined),
    begin(call, lasts) {
      const codes: readonly string[] = ERRORS[call];
      const code = codes[choices.below(codes.length)] ?? 'EIO';
      if (lasts) lasting = { call, code, untilMs: scheduler.nowMs + choices.below(LONGEST_MS) };
      trace(() => `  ${call} fails: ${code}`);
      return code;
    },
  };
}
