/** What the three ways to watch have in common: a session watches until it is closed, or says that it is lost. */
import { isSystemError } from './libc.ts';
import { openFanotifySession } from './watch-fanotify.ts';
import { openInotifySession } from './watch-inotify.ts';
import { openPollingSession } from './watch-polling.ts';

export type WatchKind = 'fanotify' | 'inotify' | 'polling';

export interface WatchOptions {
  /** `auto`: inotify for a folder of few directories, else fanotify where it is allowed; polling where neither works. */
  kind: 'auto' | WatchKind;
  /** How often what cannot be watched is looked at, in milliseconds. */
  pollMs: number;
  /** Whether `onGone` is wanted; without it the kernel is spared the events of deletions. */
  gone: boolean;
  /** Of `auto`: the folder is watched by inotify up to so many directories; 0: it is known to have more. Default 8,192. */
  maxDirectories?: number;
}

/** Paths are relative to the root, in bytes. */
export interface SessionEvents {
  onDirty(path: Buffer): void;
  onGone(path: Buffer): void;
  onProblem(error: Error, path: Buffer): void;
  /** The session no longer tells the truth: close it and open another. */
  onLost(reason: string): void;
  /** It has more directories than were allowed: the session is closed; open another. */
  onMany(): void;
  /** What is known so far is watched; `incomplete` says why some of it is not. */
  onIdle(incomplete: string | undefined): void;
  /** Looks now whether this is still the folder that was opened; the session may be closed when it returns. */
  check(): void;
}

export interface Session {
  readonly kind: WatchKind;
  readonly watchCount: number;
  close(): void;
}

type OpenSession = (root: Buffer, options: WatchOptions, events: SessionEvents) => Session;

const OPEN: Record<WatchKind, OpenSession> = {
  fanotify: openFanotifySession,
  inotify: openInotifySession,
  polling: openPollingSession,
};
/** The kernel, the filesystem or a limit does not let it: a missing or unreadable folder is none of these. */
const UNAVAILABLE = new Set('EPERM ENOSYS EINVAL ENODEV EXDEV ENOTSUP EOVERFLOW EMFILE ENOSPC'.split(' '));

/**
 * A watch takes a kilobyte of the kernel's memory and a moment to set up; a mark of a whole filesystem takes neither, but
 * tells of everything that anybody does there.
 */
export const FEW_DIRECTORIES = 8192;

/**
 * Nothing that is already in the folder is reported. Throws the system's error when the root cannot be watched.
 *
 * @param many of `auto`: the folder was seen to have many directories
 */
export function openSession(
  root: Buffer,
  options: WatchOptions,
  events: SessionEvents,
  many: boolean,
): Session {
  if (options.kind !== 'auto') return OPEN[options.kind](root, options, events);
  const { maxDirectories = FEW_DIRECTORIES, ...unlimited } = options;
  if (many) return openFirst(['fanotify', 'inotify'], root, unlimited, events);
  return openFirst(['inotify', 'fanotify'], root, { ...options, maxDirectories }, events);
}

function openFirst(
  kinds: readonly ('fanotify' | 'inotify')[],
  root: Buffer,
  options: WatchOptions,
  events: SessionEvents,
): Session {
  for (const kind of kinds) {
    try {
      return OPEN[kind](root, options, events);
    } catch (error) {
      if (!isSystemError(error) || !UNAVAILABLE.has(error.code)) throw error;
    }
  }
  return OPEN.polling(root, options, events);
}
