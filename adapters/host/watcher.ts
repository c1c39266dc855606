/**
 * Tells which files of a folder may have changed. An event is a hint: the consumer looks at the file. When hints may
 * be missing (queue overflow, vanished root, watch limit, contradictions) the watches are rebuilt from the disk and
 * `onRescan` asks for a comparison of the whole folder.
 */
import { SyncError } from '#core/errors.ts';
import { isSystemError } from './libc.ts';
import { lstatBig } from './tree.ts';
import { openSession, type Session } from './watch-session.ts';

/** Paths are relative to the root, in bytes. */
export interface WatchEvents {
  /** Written and closed, moved or linked here, or found in a new directory; perhaps no regular file, or gone. */
  onDirty(path: Buffer): void;
  /** Hints may have been lost: compare the folder with the index. The watches are complete again. */
  onRescan(reason: string): void;
  /** A directory that cannot be watched or listed; an empty path is the root. */
  onProblem(error: Error, path: Buffer): void;
}

export interface Watcher {
  /** Watched directories, the root included. */
  readonly watchCount: number;
  close(): void;
}

const ROOT = Buffer.alloc(0);
/** How often to look whether the root is still the directory that is watched; events do not tell while it is held. */
const ROOT_CHECK_MS = 1000;
/** How long directories stay unwatched after the limit was reached; a rebuild of a large folder takes a second. */
const INCOMPLETE_RETRY_MS = 300_000;

/**
 * Watches the folder, all directories below it and those to come, except `.sluice` directly in it. Resolves when every
 * directory is watched; what was there before is not reported, so scan after this. Throws `SyncError` when the root is
 * no directory (a symlink neither) or cannot be watched.
 */
export async function watchTree(root: Buffer, events: WatchEvents): Promise<Watcher> {
  let session: Session | undefined;
  let identity = '';
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let missing = false;

  function open(onComplete: () => void): void {
    let complete = false;
    identity = identityOf(root);
    session = openSession(root, {
      onDirty: events.onDirty,
      onProblem: events.onProblem,
      onLost: rebuild,
      onIdle(incomplete) {
        if (!complete) onComplete();
        complete = true;
        if (incomplete === undefined) return;
        events.onRescan(incomplete);
        clearTimeout(retry);
        retry = setTimeout(() => rebuild(incomplete), INCOMPLETE_RETRY_MS).unref();
      },
    });
  }

  let ready: () => void = () => {};

  function rebuild(reason: string): void {
    if (closed) return;
    ready();
    clearTimeout(retry);
    session?.close();
    session = undefined;
    try {
      open(() => events.onRescan(reason));
      missing = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!missing) {
        events.onProblem(rootError(root, error), ROOT);
        events.onRescan(reason);
      }
      missing = true;
    }
  }

  function checkRoot(): void {
    if (session === undefined) {
      rebuild('the folder is back');
      return;
    }
    let now = '';
    try {
      now = identityOf(root);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
    if (now !== identity) rebuild(now === '' ? 'the folder vanished' : 'the folder was replaced');
  }

  await new Promise<void>((resolve, reject) => {
    ready = resolve;
    try {
      open(resolve);
    } catch (error) {
      reject(isSystemError(error) ? rootError(root, error) : error);
    }
  });
  const rootCheck = setInterval(checkRoot, ROOT_CHECK_MS).unref();

  return {
    get watchCount() {
      return session?.watchCount ?? 0;
    },
    close() {
      closed = true;
      clearInterval(rootCheck);
      clearTimeout(retry);
      session?.close();
    },
  };
}

function identityOf(root: Buffer): string {
  const { dev, ino } = lstatBig(root);
  return `${dev}:${ino}`;
}

function rootError(root: Buffer, cause: { code: string; message: string }): SyncError {
  const hints: Record<string, string> = {
    ENOENT: 'Create the folder, or correct its path in agent.yaml.',
    ENOTDIR: 'Give the path of the directory itself, not of a file or symlink.',
    ENOSPC: 'Raise fs.inotify.max_user_watches with sysctl.',
    EMFILE: 'Raise fs.inotify.max_user_instances with sysctl.',
    EACCES: 'Give the agent permission to read the folder.',
  };
  const hint = hints[cause.code];
  return new SyncError(`cannot watch ${root.toString()}: ${cause.message}`, {
    op: 'watch',
    key: root.toString(),
    retryable: true,
    code: cause.code,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
