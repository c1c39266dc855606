/**
 * Walks a folder in byte order of its paths, the order in which the index has its rows: so the two are compared in one
 * pass over both. What is held is the names of the directories on the way, never the tree.
 */
import {
  createDirectoryReader,
  type DirectoryReader,
  type EntryKind,
  type Seen,
} from './directory-reader.ts';
import { isSystemError } from './libc.ts';
import { HIDDEN_DIRECTORY, joinPath } from './tree.ts';

/** Paths are relative to the root, in bytes. */
export interface TreeVisitor {
  /** Everything that is no directory. The path ends before a NUL and changes with the next call: copy it to keep it. */
  entry(path: Buffer, length: number, kind: Exclude<EntryKind, 'directory' | 'unknown'>, look: Look): void;
  /** It could be listed; called before what is in it. */
  directory(path: Buffer, entries: number): void;
  /** A directory that cannot be listed, the root too. One that has vanished since its parent was listed is left out. */
  unlisted(path: Buffer, code: string): void;
}

/** The entry as it is now, `gone`, or the code of the error that keeps it from being looked at. */
export type Look = () => Seen | 'gone' | { code: string };

interface Level {
  path: Buffer;
  /** Sorted; a directory ends with a slash, as it does in the paths below it. */
  names: string[];
  next: number;
  /** Of what is neither file nor directory. */
  kinds: Map<string, EntryKind>;
}

/** A directory with a longer path cannot be opened, nor can a longer name. */
const PATH_BYTES = 4096;
const SLASH = 0x2f;

/** `.sluice` directly in the root is left out. */
export function walkTree(root: Buffer, visitor: TreeVisitor): void {
  const reader = createDirectoryReader();
  const path = Buffer.allocUnsafeSlow(2 * PATH_BYTES);
  /** Which level the reader has open. */
  let open: Level | undefined;

  function enter(directory: Buffer): Level | undefined {
    const level: Level = { path: directory, names: [], next: 0, kinds: new Map() };
    try {
      openLevel(level);
      listInto(level, reader);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      // Removed since its parent was listed. The root has no parent: without it nothing is known.
      const vanished = directory.length > 0 && isVanished(error.code);
      if (!vanished) visitor.unlisted(directory, error.code);
      return undefined;
    }
    visitor.directory(directory, level.names.length);
    level.names.sort();
    return level;
  }

  function openLevel(level: Level): void {
    if (open === level) return;
    open = undefined;
    reader.close();
    reader.open(joinPath(root, level.path));
    open = level;
  }

  function visit(level: Level, name: string): void {
    const start = level.path.length === 0 ? 0 : level.path.length + 1;
    const length = start + path.write(name, start, 'latin1');
    path[length] = 0;
    const kind = (level.kinds.get(name) ?? 'file') as Exclude<EntryKind, 'directory' | 'unknown'>;
    visitor.entry(path, length, kind, () => {
      try {
        openLevel(level);
        return reader.look(name) ?? 'gone';
      } catch (error) {
        if (!isSystemError(error)) throw error;
        return isVanished(error.code) ? 'gone' : { code: error.code };
      }
    });
  }

  /** `path` holds the directory of the level that is visited. */
  function show(level: Level): void {
    if (level.path.length === 0) return;
    level.path.copy(path);
    path[level.path.length] = SLASH;
  }

  const levels: Level[] = [];
  try {
    let level = enter(Buffer.alloc(0));
    while (level !== undefined) {
      show(level);
      let below: Level | undefined;
      while (below === undefined && level.next < level.names.length) {
        const name: string = level.names[level.next++] ?? '';
        if (name.endsWith('/')) below = enter(joinPath(level.path, Buffer.from(name.slice(0, -1), 'latin1')));
        else visit(level, name);
      }
      if (below !== undefined) levels.push(level);
      level = below ?? levels.pop();
    }
  } finally {
    reader.close();
  }
}

function listInto(level: Level, reader: DirectoryReader): void {
  const { names, kinds, path } = level;
  reader.list((name, told) => {
    if (path.length === 0 && name === HIDDEN_DIRECTORY) return;
    const kind = told === 'unknown' ? reader.look(name)?.kind : told;
    if (kind === undefined) return;
    names.push(kind === 'directory' ? `${name}/` : name);
    if (kind !== 'directory' && kind !== 'file') kinds.set(name, kind);
  });
}

function isVanished(code: string): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}
