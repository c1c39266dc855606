/**
 * Marks of whole filesystems instead of a watch for each directory: nothing to set up, nothing to lose in a new
 * directory. Events of the rest of the filesystem come too and are passed over. A filesystem mounted in the folder has
 * a mark of its own, or is polled where that cannot be had.
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { eachFanotifyEvent, FAN, FAN_INIT_FLAGS, FAN_MARK_FLAGS, filesystemMask } from './fanotify.ts';
import { type FanotifyPlaces, MountChanged, placesIn } from './fanotify-places.ts';
import { fanotifyInit, fanotifyMark, isSystemError, readNow } from './libc.ts';
import { createPoller } from './polling.ts';
import { joinPath, pathError } from './tree.ts';
import { hasVanished, isHidden, listForWatch } from './watch-listing.ts';
import { openMountTable } from './watch-mounts.ts';
import type { Session, SessionEvents, WatchOptions } from './watch-session.ts';
import { workInTurns } from './watch-turns.ts';

interface Mark {
  places: FanotifyPlaces;
  close(): void;
}

/** Small: to find a directory costs some microseconds, and each event may be about another one. */
const BUFFER_BYTES = 64 * 1024;
const DRAIN_MS_PER_TURN = 5;
const ROOT = Buffer.alloc(0);

/** Throws the system's error when the root cannot be watched so. Nothing already in the folder is reported. */
export function openFanotifySession(root: Buffer, options: WatchOptions, events: SessionEvents): Session {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const marks: Mark[] = [];
  /** Directories listed because one above them came: their own creation needs no listing more. */
  const covered = new Set<string>();
  let closed = false;
  let incomplete: string | undefined;
  let failing = false;

  const listings = workInTurns(list, listed);
  const poller = createPoller(root, options.pollMs, {
    onDirty: events.onDirty,
    onGone: events.onGone,
    onProblem: events.onProblem,
    check: events.check,
    beforeRound() {},
    onSettled: listed,
    onFailed(error) {
      events.onProblem(error, ROOT);
      fail(error.message);
    },
  });
  try {
    marks.push(mark(ROOT));
    for (const path of mountsIn(root)) markMounted(path);
  } catch (error) {
    close();
    throw error;
  }
  setImmediate(listed);

  function mark(top: Buffer): Mark {
    const fd = fanotifyInit(FAN_INIT_FLAGS);
    try {
      fanotifyMark(fd, FAN_MARK_FLAGS, filesystemMask(options.gone), joinPath(root, top));
      const places = placesIn(root, top);
      const poll = koffi.node.poll(fd, { readable: true }, () => drain(fd, places));
      return {
        places,
        close() {
          poll.close();
          closeSync(fd);
        },
      };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  function markMounted(path: Buffer): void {
    try {
      marks.push(mark(path));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      poller.add(path, true);
      const cause = { code: error.code, message: `${error.message}; this filesystem is polled` };
      if (!hasVanished(error)) events.onProblem(pathError('watch', path, cause), path);
    }
  }

  function drain(fd: number, places: FanotifyPlaces): void {
    const until = performance.now() + DRAIN_MS_PER_TURN;
    try {
      while (!closed) {
        const length = readNow(fd, buffer);
        if (length === 0) break;
        eachFanotifyEvent(buffer, length, (what, handle, name) => {
          if (!closed) handleEvent(places, what, handle, name);
        });
        if (performance.now() > until) break;
      }
    } catch (error) {
      unresolved(error);
    } finally {
      places.release();
    }
  }

  function handleEvent(places: FanotifyPlaces, what: number, handle: Buffer, name: Buffer): void {
    if (what & FAN.overflow) {
      lose('the fanotify queue overflowed');
      return;
    }
    const directory = places.pathOf(handle);
    if (directory === undefined || isSelf(name) || isHidden(directory, name)) return;
    const path = joinPath(directory, Buffer.from(name));
    if (what & FAN.onDirectory) {
      places.forget();
      if (what & (FAN.movedFrom | FAN.movedTo)) covered.clear();
    }
    if (options.gone && what & (FAN.delete | FAN.movedFrom)) events.onGone(path);
    if ((what & FAN.onDirectory) === 0) {
      if (what & (FAN.closeWrite | FAN.create | FAN.movedTo)) events.onDirty(path);
    } else if (what & FAN.movedTo || (what & FAN.create && !covered.has(path.toString('latin1')))) {
      listings.add(path);
    }
  }

  function unresolved(error: unknown): void {
    if (error instanceof MountChanged) lose('the folder was moved or replaced');
    else if (!isSystemError(error)) throw error;
    else if (hasVanished(error)) lose('the folder vanished');
    else {
      if (!failing) events.onProblem(pathError('watch', ROOT, error), ROOT);
      failing = true;
      fail(`${error.code}: events were lost`);
    }
  }

  function list(path: Buffer): void {
    listForWatch(
      root,
      path,
      'everything',
      (name, isDirectory) => {
        if (closed) return;
        const entry = joinPath(path, name);
        if (isDirectory) {
          covered.add(entry.toString('latin1'));
          listings.add(entry);
        } else events.onDirty(entry);
      },
      (op, where, error) => {
        events.onProblem(pathError(op, where, error), where);
        incomplete ??= `${error.code} at ${where}`;
      },
    );
  }

  function fail(reason: string): void {
    incomplete ??= reason;
    listed();
  }

  function listed(): void {
    covered.clear();
    if (closed || listings.busy || poller.busy) return;
    const reason = incomplete;
    incomplete = undefined;
    events.onIdle(reason);
  }

  function lose(reason: string): void {
    close();
    events.onLost(reason);
  }

  function close(): void {
    if (closed) return;
    closed = true;
    listings.close();
    poller.close();
    for (const one of marks) one.close();
  }

  return {
    kind: 'fanotify',
    get watchCount() {
      return marks.length;
    },
    close,
  };
}

/** An event about the directory itself has a dot for a name; one without a handle has none. */
function isSelf(name: Buffer): boolean {
  return name.length === 0 || (name.length === 1 && name[0] === 0x2e);
}

function mountsIn(root: Buffer): Buffer[] {
  const table = openMountTable();
  try {
    return table.below(root).map(({ path }) => path);
  } finally {
    table.close();
  }
}
