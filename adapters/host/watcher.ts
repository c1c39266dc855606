/**
 * Tells which files of a folder may have changed. An event is a hint: the consumer looks at the file. When hints may
 * be missing (queue overflow, vanished root, contradictions, a mount) the watching starts anew and `onRescan` asks for
 * a comparison of the whole folder.
 */
import { SyncError } from '#core/errors.ts';
import { isSystemError, type SystemError } from './libc.ts';
import { regularly } from './ticks.ts';
import { lstatBig } from './tree.ts';
import { openMountTable } from './watch-mounts.ts';
import {
  openSession,
  type Session,
  type SessionEvents,
  type WatchKind,
  type WatchOptions,
} from './watch-session.ts';

/** Paths are relative to the root, in bytes. */
export interface WatchEvents {
  /** Written and closed, moved or linked here, or found in a new directory; perhaps no regular file, or gone. */
  onDirty(path: Buffer): void;
  /** A name that may be gone (file or directory, deleted or moved away): look at it, and at all known below it. */
  onGone(path: Buffer): void;
  /** Hints may have been lost: compare the folder with the index. It is watched again, or cannot be. */
  onRescan(reason: string): void;
  /** A directory that cannot be watched or listed; an empty path is the root. */
  onProblem(error: Error, path: Buffer): void;
}

export interface Watcher {
  /** What `auto` has come to; it is chosen anew when the watching has to start anew. */
  readonly kind: WatchKind;
  /** What is held to watch: directories (inotify), marked filesystems (fanotify), directories looked at (polling). */
  readonly watchCount: number;
  close(): void;
}

const ROOT = Buffer.alloc(0);
/** How often to look whether the root is still the directory that is watched; events do not tell while it is held. */
const ROOT_CHECK_MS = 2000;
/** How long something stays unwatched after a failure; to start anew in a large folder takes a second. */
const INCOMPLETE_RETRY_MS = 300_000;
/** https://man7.org/linux/man-pages/man7/fanotify.7.html and fanotify_mark(2), "ERRORS" */
const FANOTIFY_HINT =
  'fanotify needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH, Linux 5.9 and a filesystem with file handles; or set watch: auto.';

/**
 * Watches the folder, all directories below it and those to come, except `.sluice` directly in it. Resolves when all of
 * it is watched; what was there before is not reported, so scan after this. Throws `SyncError` when the root is no
 * directory (a symlink neither) or cannot be watched in the way that was asked for.
 */
export async function watchTree(root: Buffer, options: WatchOptions, events: WatchEvents): Promise<Watcher> {
  const mounts = openMountTable();
  let kind: WatchKind = options.kind === 'auto' ? 'polling' : options.kind;
  let session: Session | undefined;
  let identity = '';
  let mounted = '';
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let missing = false;
  let many = options.maxDirectories === 0;

  function open(onComplete: () => void): void {
    let complete = false;
    identity = identityOf(root);
    mounted = mountsNow();
    const sessionEvents: SessionEvents = {
      onDirty: events.onDirty,
      onGone: (path) => {
        if (options.gone) events.onGone(path);
      },
      onProblem: events.onProblem,
      onLost: rebuild,
      onMany() {
        many = true;
        const reason = 'the folder has many directories now';
        if (complete) rebuild(reason);
        else again(onComplete, reason);
      },
      onIdle(incomplete) {
        if (!complete) onComplete();
        complete = true;
        // While a new start is planned, the comparison after it finds whatever is missed until then.
        if (incomplete === undefined || retry !== undefined) return;
        events.onRescan(incomplete);
        retry = setTimeout(() => rebuild(incomplete), INCOMPLETE_RETRY_MS).unref();
      },
      check,
    };
    session = openSession(root, options, sessionEvents, many);
    kind = session.kind;
  }

  /** As if it had been opened so from the beginning. */
  function again(onComplete: () => void, reason: string): void {
    session = undefined;
    try {
      open(onComplete);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      rebuild(reason);
    }
  }

  let ready: () => void = () => {};

  function rebuild(reason: string): void {
    if (closed) return;
    ready();
    clearTimeout(retry);
    retry = undefined;
    session?.close();
    session = undefined;
    try {
      open(() => events.onRescan(reason));
      missing = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!missing) {
        events.onProblem(rootError(root, options, error), ROOT);
        events.onRescan(reason);
      }
      missing = true;
    }
  }

  function check(): void {
    if (closed) return;
    if (session === undefined) {
      rebuild('the folder is back');
      return;
    }
    let now = '';
    let mountsChanged = false;
    try {
      now = identityOf(root);
      mountsChanged = mountsNow() !== mounted;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      now = '';
    }
    if (now !== identity) rebuild(now === '' ? 'the folder vanished' : 'the folder was replaced');
    else if (mountsChanged) rebuild('a filesystem was mounted or unmounted in the folder');
  }

  function mountsNow(): string {
    return mounts
      .below(root)
      .map(({ id, path }) => `${id} ${path.toString('latin1')}`)
      .join('\n');
  }

  try {
    await new Promise<void>((resolve, reject) => {
      ready = resolve;
      try {
        open(resolve);
      } catch (error) {
        reject(isSystemError(error) ? rootError(root, options, error) : error);
      }
    });
  } catch (error) {
    mounts.close();
    throw error;
  }
  const endRootCheck = regularly(ROOT_CHECK_MS, check);

  return {
    get kind() {
      return kind;
    },
    get watchCount() {
      return session?.watchCount ?? 0;
    },
    close() {
      if (closed) return;
      closed = true;
      endRootCheck();
      clearTimeout(retry);
      session?.close();
      mounts.close();
    },
  };
}

function identityOf(root: Buffer): string {
  const { dev, ino } = lstatBig(root);
  return `${dev}:${ino}`;
}

function rootError(root: Buffer, options: WatchOptions, cause: SystemError): SyncError {
  const hints: Record<string, string> = {
    ENOENT: 'Create the folder, or correct its path in agent.yaml.',
    ENOTDIR: 'Give the path of the directory itself, not of a file or symlink.',
    ENOSPC: 'Raise fs.inotify.max_user_watches with sysctl.',
    EMFILE: 'Raise fs.inotify.max_user_instances with sysctl.',
    EACCES: 'Give the agent permission to read the folder.',
  };
  const unavailable = options.kind === 'fanotify' && !['ENOENT', 'ENOTDIR', 'EACCES'].includes(cause.code);
  const hint = unavailable ? FANOTIFY_HINT : hints[cause.code];
  return new SyncError(`cannot watch ${root.toString()}: ${cause.message}`, {
    op: 'watch',
    key: root.toString(),
    retryable: true,
    code: cause.code,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
