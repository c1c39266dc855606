/**
 * What the watcher believes about the directories: which watch descriptor is where. Events describe the past while
 * paths resolve now, so a belief may be behind or ahead of the disk; what does not fit is kept as an orphan until the
 * next events, or a look at the disk, have explained it.
 */
import { joinPath } from './tree.ts';

export interface Directory {
  readonly wd: number;
  name: Buffer;
  parent: Directory | undefined;
  readonly children: Map<string, Directory>;
  /** Relative to the root; forgotten when the directory or one above it moves. */
  path: Buffer | undefined;
}

/** Its MOVED_FROM came with this cookie, or another directory was found in its place (cookie 0). */
interface Orphan {
  cookie: number;
  lastParent: Directory;
}

export interface WatchTree {
  readonly root: Directory;
  readonly byWd: Map<number, Directory>;
  readonly orphans: Map<Directory, Orphan>;
  child(parent: Directory, name: Buffer): Directory | undefined;
  /** The watched directory at a path relative to the root. */
  at(path: Buffer): Directory | undefined;
  /** False when the directory would come to lie inside itself: the belief is wrong. */
  place(directory: Directory, parent: Directory, name: Buffer): boolean;
  add(wd: number, parent: Directory, name: Buffer): Directory;
  orphan(directory: Directory, cookie: number): void;
  orphanOf(cookie: number): Directory | undefined;
  /** Forgets the directory and all below it; answers their watch descriptors. */
  drop(directory: Directory): number[];
  /** Forgets the directory alone: the kernel says that it is gone. */
  forget(directory: Directory): void;
  attached(directory: Directory): boolean;
}

export function watchTreeOf(rootWd: number): WatchTree {
  const empty = Buffer.alloc(0);
  const root: Directory = { wd: rootWd, name: empty, parent: undefined, children: new Map(), path: empty };
  const byWd = new Map([[rootWd, root]]);
  const orphans = new Map<Directory, Orphan>();

  function place(directory: Directory, parent: Directory, name: Buffer): boolean {
    for (let above: Directory | undefined = parent; above !== undefined; above = above.parent) {
      if (above === directory) return false;
    }
    detach(directory);
    orphans.delete(directory);
    const holder = parent.children.get(keyOf(name));
    if (holder !== undefined) orphan(holder, 0);
    directory.name = name;
    directory.parent = parent;
    parent.children.set(keyOf(name), directory);
    forgetPaths(directory);
    return true;
  }

  function orphan(directory: Directory, cookie: number): void {
    const lastParent = directory.parent;
    if (lastParent === undefined) return;
    detach(directory);
    forgetPaths(directory);
    orphans.set(directory, { cookie, lastParent });
  }

  function drop(directory: Directory): number[] {
    const dropped: number[] = [];
    const pending = [directory];
    detach(directory);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      byWd.delete(next.wd);
      orphans.delete(next);
      dropped.push(next.wd);
      pending.push(...next.children.values());
    }
    return dropped;
  }

  return {
    root,
    byWd,
    orphans,
    place,
    orphan,
    drop,
    child: (parent, name) => parent.children.get(keyOf(name)),
    at(path) {
      let found: Directory | undefined = root;
      for (const key of path.length === 0 ? [] : keyOf(path).split('/')) found = found?.children.get(key);
      return found;
    },
    add(wd, parent, name) {
      const directory: Directory = { wd, name, parent: undefined, children: new Map(), path: undefined };
      byWd.set(wd, directory);
      place(directory, parent, name);
      return directory;
    },
    orphanOf(cookie) {
      for (const [directory, known] of orphans) {
        if (cookie !== 0 && known.cookie === cookie) return directory;
      }
      return undefined;
    },
    forget(directory) {
      for (const child of [...directory.children.values()]) orphan(child, 0);
      detach(directory);
      orphans.delete(directory);
      byWd.delete(directory.wd);
    },
    attached(directory) {
      let top = directory;
      while (top.parent !== undefined) top = top.parent;
      return top === root;
    },
  };
}

/** Relative to the root. An orphan's path is that of its name alone and means nothing. */
export function pathOf(directory: Directory): Buffer {
  if (directory.path !== undefined) return directory.path;
  const above = directory.parent === undefined ? Buffer.alloc(0) : pathOf(directory.parent);
  directory.path = joinPath(above, directory.name);
  return directory.path;
}

/** Bytes as a map key: latin1 keeps each byte. */
function keyOf(name: Buffer): string {
  return name.toString('latin1');
}

function detach(directory: Directory): void {
  const siblings = directory.parent?.children;
  const key = keyOf(directory.name);
  if (siblings?.get(key) === directory) siblings.delete(key);
  directory.parent = undefined;
}

function forgetPaths(directory: Directory): void {
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.path === undefined && next !== directory) continue;
    next.path = undefined;
    pending.push(...next.children.values());
  }
}
