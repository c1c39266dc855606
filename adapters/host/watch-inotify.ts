/**
 * One inotify instance and the watches of one folder. A directory is watched first and listed after, so that no file
 * falls between; every directory that comes to a new place is listed again, so that a late or misread event costs a
 * listing and nothing else. What the limit leaves no watch for is polled. In one piece, because each event is judged by the
 * same few beliefs.
 * https://man7.org/linux/man-pages/man7/inotify.7.html, "Limitations and caveats"
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { directoryMask, eachEvent, IN, rootMask } from './inotify.ts';
import { inotifyAddWatch, inotifyInit, inotifyRemoveWatch, isSystemError, readNow } from './libc.ts';
import { createPoller } from './polling.ts';
import { joinPath, lstatBig, pathError } from './tree.ts';
import { hasVanished, isHidden, listForWatch } from './watch-listing.ts';
import type { Session, SessionEvents, WatchOptions } from './watch-session.ts';
import { type Directory, pathOf, watchTreeOf } from './watch-tree.ts';
import { workInTurns } from './watch-turns.ts';

interface Listing {
  directory: Directory;
  /** What is found is not told. */
  quiet: boolean;
  /** Directories that are watched already are listed too. */
  again: boolean;
}

const BUFFER_BYTES = 256 * 1024;
const READS_PER_TURN = 8;
/** The two halves of a move are written by one system call; this is ample. */
const ORPHAN_GRACE_MS = 20;
/** Will stay so until somebody changes something; the rest is worth trying again. */
const LASTING = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG']);

/** Throws the system's error when the root itself cannot be watched. Nothing already in the folder is reported. */
export function openInotifySession(root: Buffer, options: WatchOptions, events: SessionEvents): Session {
  const mask = directoryMask(options.gone);
  const fd = inotifyInit();
  let rootWd: number;
  try {
    rootWd = inotifyAddWatch(fd, root, rootMask(options.gone));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const tree = watchTreeOf(rootWd);
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let closed = false;
  let grace: NodeJS.Timeout | undefined;
  let incomplete: string | undefined;
  let limitTold = false;

  const listings = workInTurns(list, listed);
  const poller = createPoller(root, options.pollMs, {
    onDirty: events.onDirty,
    onGone: events.onGone,
    onProblem: events.onProblem,
    check: events.check,
    beforeRound: watchPolled,
    onSettled: listed,
    onFailed(error) {
      events.onProblem(error, Buffer.alloc(0));
      incomplete ??= error.message;
      listed();
    },
  });
  const poll = koffi.node.poll(fd, { readable: true }, drain);
  listings.add({ directory: tree.root, quiet: true, again: false });

  function drain(): void {
    for (let reads = 0; reads < READS_PER_TURN && !closed; reads++) {
      const length = readNow(fd, buffer);
      if (length === 0) break;
      eachEvent(buffer, length, (wd, what, cookie, name) => {
        if (!closed) handle(wd, what, cookie, name);
      });
    }
    planSettling();
  }

  function planSettling(): void {
    if (tree.orphans.size > 0 && !closed) grace ??= setTimeout(settleOrphans, ORPHAN_GRACE_MS);
  }

  function handle(wd: number, what: number, cookie: number, name: Buffer): void {
    const directory = tree.byWd.get(wd);
    if (what & IN.overflow) lose('the inotify queue overflowed');
    else if (directory === undefined) return;
    else if (what & IN.unmount) lose(`${pathOf(directory)} was unmounted`);
    else if (what & (IN.ignored | IN.deleteSelf | IN.moveSelf)) {
      if (directory === tree.root) lose('the folder vanished');
      else tree.forget(directory);
    } else if (what & IN.isDirectory) handleDirectory(directory, what, cookie, Buffer.from(name));
    else if (attached(directory)) {
      const path = joinPath(pathOf(directory), Buffer.from(name));
      if ((what & (IN.delete | IN.movedFrom)) === 0) events.onDirty(path);
      else if (options.gone) events.onGone(path);
    }
  }

  function handleDirectory(parent: Directory, what: number, cookie: number, name: Buffer): void {
    if (parent === tree.root && isHidden(pathOf(parent), name)) return;
    if (what & (IN.delete | IN.movedFrom)) {
      if (options.gone && attached(parent)) events.onGone(joinPath(pathOf(parent), name));
      const child = tree.child(parent, name);
      if (child !== undefined && what & IN.movedFrom) tree.orphan(child, cookie);
      return;
    }
    const moved = what & IN.movedTo ? tree.orphanOf(cookie) : undefined;
    if (moved !== undefined) tree.place(moved, parent, name);
    if (attached(parent)) adopt(parent, name, false, (what & IN.movedTo) !== 0);
  }

  /** Makes the belief about one name true now, and plans to list what is new there. */
  function adopt(parent: Directory, name: Buffer, quiet: boolean, again: boolean): void {
    const path = joinPath(pathOf(parent), name);
    const wd = watch(path, quiet);
    if (wd === undefined) return;
    const known = tree.byWd.get(wd);
    if (known !== undefined && tree.child(parent, name) !== known && isBound(known, path)) {
      const message = `it is ${pathOf(known)} too (bind mount), and events tell one place of it; this one is polled`;
      if (!poller.has(path)) events.onProblem(pathError('watch', path, { code: 'ELOOP', message }), path);
      poller.add(path, quiet);
      return;
    }
    poller.remove(path);
    if (known === undefined) {
      listings.add({ directory: tree.add(wd, parent, name), quiet, again });
      if (tree.byWd.size > (options.maxDirectories ?? Number.POSITIVE_INFINITY)) giveUp();
    } else if (tree.child(parent, name) === known) {
      if (again) listings.add({ directory: known, quiet, again });
    } else if (known === tree.root || !tree.place(known, parent, name))
      lose(`the events contradict the directory ${path}`);
    else listings.add({ directory: known, quiet: false, again: true });
  }

  /** Whether a directory is in both places at once; the kernel has one watch for it. */
  function isBound(known: Directory, path: Buffer): boolean {
    if (!attached(known)) return false;
    try {
      const [here, there] = [path, pathOf(known)].map((one) => lstatBig(joinPath(root, one)));
      return here?.dev === there?.dev && here?.ino === there?.ino;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return false;
    }
  }

  function watch(path: Buffer, quiet: boolean): number | undefined {
    try {
      return inotifyAddWatch(fd, joinPath(root, path), mask);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code === 'ENOSPC' && options.maxDirectories !== undefined) giveUp();
      else if (error.code === 'ENOSPC') unwatched(path, quiet, pathError('watch', path, error));
      else if (hasVanished(error)) poller.remove(path);
      else failed('watch', path, error);
      return undefined;
    }
  }

  function unwatched(path: Buffer, quiet: boolean, cause: Error): void {
    poller.add(path, quiet);
    // One report of the limit is enough: every further directory fails alike.
    if (limitTold) return;
    limitTold = true;
    const message = `${cause.message} (fs.inotify.max_user_watches is used up; raise it with sysctl; until then it is polled)`;
    events.onProblem(Object.assign(cause, { message }), path);
  }

  /** Perhaps there is a watch to be had now. */
  function watchPolled(): void {
    for (const path of poller.tops()) {
      const slash = path.lastIndexOf('/');
      const parent = tree.at(path.subarray(0, Math.max(0, slash)));
      // Its parent has moved or is gone: it was told to be, and what moved is listed where it is now.
      if (parent === undefined) poller.remove(path);
      else adopt(parent, path.subarray(slash + 1), false, false);
      if (closed || poller.has(path)) return;
    }
    limitTold = false;
  }

  function list({ directory, quiet, again }: Listing): void {
    if (!tree.byWd.has(directory.wd) || !attached(directory)) return;
    const path = pathOf(directory);
    listForWatch(
      root,
      path,
      quiet ? 'directories' : 'everything',
      (name, isDirectory) => {
        if (closed) return;
        if (isDirectory) adopt(directory, name, quiet, again);
        else if (!quiet) events.onDirty(joinPath(path, name));
      },
      failed,
    );
  }

  function listed(): void {
    planSettling();
    if (closed || listings.busy || poller.busy) return;
    const reason = incomplete;
    incomplete = undefined;
    events.onIdle(reason);
  }

  function failed(op: string, path: Buffer, error: { code: string; message: string }): void {
    events.onProblem(pathError(op, path, error), path);
    if (!LASTING.has(error.code)) incomplete ??= `${error.code} at ${path}`;
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

  function giveUp(): void {
    close();
    events.onMany();
  }

  function lose(reason: string): void {
    close();
    events.onLost(reason);
  }

  function close(): void {
    if (closed) return;
    closed = true;
    clearTimeout(grace);
    listings.close();
    poller.close();
    poll.close();
    closeSync(fd);
  }

  return {
    kind: 'inotify',
    get watchCount() {
      return tree.byWd.size;
    },
    close,
  };
}
