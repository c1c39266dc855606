/**
 * One inotify instance and the watches of one folder. A directory is watched first and listed after, so that no file
 * falls between; every directory that comes to a new place is listed again, so that a late or misread event costs a
 * listing and nothing else. https://man7.org/linux/man-pages/man7/inotify.7.html, "Limitations and caveats"
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { DIRECTORY_MASK, eachEvent, IN, ROOT_MASK } from './inotify.ts';
import { inotifyAddWatch, inotifyInit, inotifyRemoveWatch, isSystemError, readNow } from './libc.ts';
import { HIDDEN_DIRECTORY, joinPath, listDirectory, lstatBig, pathError } from './tree.ts';
import { type Directory, pathOf, watchTreeOf } from './watch-tree.ts';

export interface SessionEvents {
  onDirty(path: Buffer): void;
  onProblem(error: Error, path: Buffer): void;
  /** The watches no longer tell the truth: close this session and start another. */
  onLost(reason: string): void;
  /** All directories known so far are watched; `incomplete` says why some are not. */
  onIdle(incomplete: string | undefined): void;
}

export interface Session {
  readonly watchCount: number;
  close(): void;
}

const BUFFER_BYTES = 256 * 1024;
/** Reads per wake-up and milliseconds of listing per turn: the agent's other work must get its share. */
const READS_PER_TURN = 8;
const LISTING_MS_PER_TURN = 10;
/** The two halves of a move are written by one system call; this is ample. */
const ORPHAN_GRACE_MS = 20;
const HIDDEN = Buffer.from(HIDDEN_DIRECTORY);
/** Gone, or no directory any more: an event about it has come or will come. */
const VANISHED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
/** Will stay so until somebody changes something; the rest is worth trying again. */
const LASTING = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG']);

/** Throws the system's error when the root itself cannot be watched. Nothing already in the folder is reported. */
export function openSession(root: Buffer, events: SessionEvents): Session {
  const fd = inotifyInit();
  let rootWd: number;
  try {
    rootWd = inotifyAddWatch(fd, root, ROOT_MASK);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const tree = watchTreeOf(rootWd);
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const listings: { directory: Directory; quiet: boolean; again: boolean }[] = [];
  let closed = false;
  let turnPlanned = false;
  let grace: NodeJS.Timeout | undefined;
  let incomplete: string | undefined;

  const poll = koffi.node.poll(fd, { readable: true }, drain);
  list(tree.root, true, false);

  function drain(): void {
    for (let reads = 0; reads < READS_PER_TURN && !closed; reads++) {
      const length = readNow(fd, buffer);
      if (length === 0) break;
      eachEvent(buffer, length, (wd, mask, cookie, name) => {
        if (!closed) handle(wd, mask, cookie, name);
      });
    }
    planSettling();
  }

  function planSettling(): void {
    if (tree.orphans.size > 0 && !closed) grace ??= setTimeout(settleOrphans, ORPHAN_GRACE_MS);
  }

  function handle(wd: number, mask: number, cookie: number, name: Buffer): void {
    const directory = tree.byWd.get(wd);
    if (mask & IN.overflow) lose('the inotify queue overflowed');
    else if (directory === undefined) return;
    else if (mask & IN.unmount) lose(`${pathOf(directory)} was unmounted`);
    else if (mask & (IN.ignored | IN.deleteSelf | IN.moveSelf)) {
      if (directory === tree.root) lose('the folder vanished');
      else tree.forget(directory);
    } else if (mask & IN.isDirectory) handleDirectory(directory, mask, cookie, name);
    else if (!(mask & IN.movedFrom) && attached(directory)) events.onDirty(joinPath(pathOf(directory), name));
  }

  function handleDirectory(parent: Directory, mask: number, cookie: number, name: Buffer): void {
    if (parent === tree.root && name.equals(HIDDEN)) return;
    const child = tree.child(parent, name);
    if (mask & IN.movedFrom) {
      if (child !== undefined) tree.orphan(child, cookie);
      return;
    }
    const copy = Buffer.from(name);
    const moved = mask & IN.movedTo ? tree.orphanOf(cookie) : undefined;
    if (moved !== undefined) tree.place(moved, parent, copy);
    if (attached(parent)) adopt(parent, copy, false, (mask & IN.movedTo) !== 0);
  }

  /** Makes the belief about one name true now, and plans to list what is new there. */
  function adopt(parent: Directory, name: Buffer, quiet: boolean, again: boolean): void {
    const path = joinPath(pathOf(parent), name);
    let wd: number;
    try {
      wd = inotifyAddWatch(fd, joinPath(root, path), DIRECTORY_MASK);
    } catch (error) {
      failed('watch', path, error);
      return;
    }
    const known = tree.byWd.get(wd);
    if (known === undefined) list(tree.add(wd, parent, name), quiet, again);
    else if (tree.child(parent, name) === known) {
      if (again) list(known, quiet, true);
    } else if (known === tree.root || !tree.place(known, parent, name))
      lose(`the events contradict the directory ${path}`);
    else list(known, false, true);
  }

  function list(directory: Directory, quiet: boolean, again: boolean): void {
    listings.push({ directory, quiet, again });
    if (turnPlanned) return;
    turnPlanned = true;
    setImmediate(work);
  }

  function work(): void {
    const until = performance.now() + LISTING_MS_PER_TURN;
    for (let next = listings.pop(); next !== undefined && !closed; next = listings.pop()) {
      listNow(next.directory, next.quiet, next.again);
      if (performance.now() > until) break;
    }
    turnPlanned = listings.length > 0;
    planSettling();
    if (closed) return;
    if (turnPlanned) {
      setImmediate(work);
      return;
    }
    const reason = incomplete;
    incomplete = undefined;
    events.onIdle(reason);
  }

  function listNow(directory: Directory, quiet: boolean, again: boolean): void {
    if (!tree.byWd.has(directory.wd) || !attached(directory)) return;
    const path = pathOf(directory);
    try {
      listDirectory(joinPath(root, path), (entry) => {
        if (closed) return;
        const isDirectory = entry.isDirectory() || (unknownKind(entry) && isDirectoryNow(path, entry.name));
        if (!isDirectory) {
          if (!quiet) events.onDirty(joinPath(path, entry.name));
        } else if (directory !== tree.root || !entry.name.equals(HIDDEN)) {
          adopt(directory, Buffer.from(entry.name), quiet, again);
        }
      });
    } catch (error) {
      failed('list', path, error);
    }
  }

  function isDirectoryNow(path: Buffer, name: Buffer): boolean {
    try {
      return lstatBig(joinPath(root, joinPath(path, name))).isDirectory();
    } catch (error) {
      failed('stat', joinPath(path, name), error);
      return false;
    }
  }

  function failed(op: string, path: Buffer, error: unknown): void {
    if (!isSystemError(error)) throw error;
    if (VANISHED.has(error.code)) return;
    const limit = error.code === 'ENOSPC';
    // One report of the limit is enough: every further directory would fail alike.
    if (!limit || incomplete === undefined) events.onProblem(watchError(op, path, error), path);
    if (!LASTING.has(error.code))
      incomplete ??= limit ? 'the watch limit is reached' : `${error.code} at ${path}`;
  }

  /**
   * What nobody claimed is still where it was, or out of the folder: had it come to another place in it, the event of
   * its arrival or the listing of its new parent would have claimed it, or will yet and then adds a new watch.
   */
  function settleOrphans(): void {
    grace = undefined;
    for (const [directory, { lastParent }] of [...tree.orphans]) {
      if (closed) return;
      if (!tree.orphans.has(directory)) continue;
      if (attached(lastParent)) adopt(lastParent, directory.name, false, false);
      if (closed || !tree.orphans.has(directory)) continue;
      for (const wd of tree.drop(directory)) inotifyRemoveWatch(fd, wd);
    }
  }

  function attached(directory: Directory): boolean {
    return tree.orphans.size === 0 || tree.attached(directory);
  }

  function lose(reason: string): void {
    close();
    events.onLost(reason);
  }

  function close(): void {
    if (closed) return;
    closed = true;
    clearTimeout(grace);
    poll.close();
    closeSync(fd);
  }

  return {
    get watchCount() {
      return tree.byWd.size;
    },
    close,
  };
}

/** Some file systems do not tell the kind of an entry in the listing. */
function unknownKind(entry: { isFile(): boolean; isSymbolicLink(): boolean; isFIFO(): boolean }): boolean {
  return !entry.isFile() && !entry.isSymbolicLink() && !entry.isFIFO();
}

function watchError(op: string, path: Buffer, error: { code: string; message: string }): Error {
  if (error.code !== 'ENOSPC') return pathError(op, path, error);
  const message = `${error.message} (fs.inotify.max_user_watches is used up; raise it with sysctl)`;
  return pathError(op, path, { code: error.code, message });
}
