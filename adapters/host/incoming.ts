/**
 * Files on their way into a folder: written and fsynced out of sight on the same file system, so that a name in the
 * folder never means half a file, not even after a power cut.
 */
import { hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  lstatSync,
  openSync,
  readdirSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { SyncError } from '#core/errors.ts';
import { isSystemError, setModificationTime } from './libc.ts';
import { type OpenDirectory, openDurable, openParent } from './parent.ts';
import { createSharedSync, type SyncDirectory } from './shared-sync.ts';
import { moveIfAbsent, RECOVERED_SUFFIX } from './trash.ts';
import { type FileState, HIDDEN_DIRECTORY, joinPath, pathError, statOf } from './tree.ts';

/** What the sender's file had; what is absent stays as the host makes new files. */
export interface Attributes {
  mtimeNs?: bigint;
  /** Permission bits; setuid, setgid and sticky bits are not taken over. */
  mode: number;
  owner?: { uid: number; gid: number };
}

export interface IncomingFile {
  /** Names the file for as long as it is not released. */
  readonly path: Buffer;
  write(chunk: Uint8Array): Promise<void>;
  /** Answers when bytes and attributes are on the disk; then the file is open for reading only, as `fd`. */
  finish(attributes: Attributes): Promise<void>;
  readonly fd: number;
  /** Removes the file unless it was renamed away, and closes it. Once. */
  release(): void;
}

export interface Incoming {
  /**
   * Removes the downloads, and what they replaced, that a crash left; answers how many. A file of somebody else that was
   * swapped out for one comes to the root of the folder; answers its names there. Call it with the folder locked.
   */
  clear(): { removed: number; kept: Buffer[] };
  /** Every failure of the file is a `SyncError` with the system's code. */
  begin(key: string): IncomingFile;
  /** The directory at a path of the folder, made where it is missing, and safe from a power cut. */
  directory(path: Buffer): Promise<OpenDirectory>;
  /** Shared by all files of the folder. */
  sync: SyncDirectory;
  /** Once, when every file is released. */
  close(): void;
}

const INCOMING = Buffer.from(`${HIDDEN_DIRECTORY}/incoming`);
const PERMISSIONS = 0o777;
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Less than that the page cache takes quicker than another thread could be asked. */
const AT_ONCE_BYTES = 64 * 1024;
/** Beyond it, directories are fsynced again rather than remembered. */
const MAX_DURABLE = 10_000;
const writeAt = promisify(write);
const fsyncNow = promisify(fsync);

export function createIncoming(root: Buffer): Incoming {
  const durable = new Map<string, string>();
  const sync = createSharedSync();
  /** The last is in use; the others were removed or covered by a mount, and files may still name them. */
  const opened: (OpenDirectory & { dev: number; ino: number })[] = [];
  let counter = 0;

  function hidden(): OpenDirectory {
    const last = opened.at(-1);
    const here = lstatSync(joinPath(root, INCOMING), { throwIfNoEntry: false });
    if (last !== undefined && here?.ino === last.ino && here.dev === last.dev) return last;
    const directory = { ...openParent(root, INCOMING), dev: 0, ino: 0 };
    opened.push(directory);
    const { dev, ino } = fstatSync(directory.fd);
    return Object.assign(directory, { dev, ino });
  }

  return {
    clear() {
      const { fd, path } = openParent(root, INCOMING);
      try {
        const names = readdirSync(path, { encoding: 'buffer' });
        const kept = names.flatMap((name) => {
          const left = joinPath(path, name);
          if (!isDownloadOrReplaced(left, name)) return [moveToRoot(root, left, name)];
          unlinkSync(left);
          return [];
        });
        return { removed: names.length - kept.length, kept };
      } finally {
        closeSync(fd);
      }
    },
    begin(key) {
      // A key is no name: it may be longer than a name can be.
      const name = hash('sha256', key).slice(0, 24);
      return createFile(joinPath(hidden().path, Buffer.from(`${name}-${counter++}`)), key);
    },
    directory(path) {
      if (durable.size > MAX_DURABLE) durable.clear();
      return openDurable(root, path, durable, sync);
    },
    sync,
    close() {
      const results = opened.splice(0).map(({ fd }) => attempt(() => closeSync(fd)));
      const failed = results.find((result) => result !== undefined);
      if (failed !== undefined) throw failed.error;
    },
  };
}

/**
 * The name under which a download is swapped with the file that it replaces. It says what the two are, so that after a
 * crash a third one, which somebody has renamed into the place at the last moment, is not taken for either.
 */
export function swapPath(download: Buffer, ours: FileState, replaced: FileState): Buffer {
  return Buffer.concat([download, Buffer.from(`.${identity(ours)}.${identity(replaced)}`)]);
}

function isDownloadOrReplaced(path: Buffer, name: Buffer): boolean {
  const [, ...swapped] = name.toString('latin1').split('.');
  return swapped.length === 0 || swapped.includes(identity(statOf(path)));
}

function identity({ ino, sizeBytes, mtimeNs }: FileState): string {
  return `${ino}-${sizeBytes}-${mtimeNs}`;
}

function moveToRoot(root: Buffer, from: Buffer, name: Buffer): Buffer {
  for (let n = 1; ; n++) {
    const to = Buffer.from(`${name.toString('latin1', 0, name.indexOf('.'))}-${n}${RECOVERED_SUFFIX}`);
    if (moveIfAbsent(from, joinPath(root, to))) return to;
  }
}

/** What it threw: the others are to be done all the same. */
function attempt(action: () => void): { error: unknown } | undefined {
  try {
    action();
  } catch (error) {
    return { error };
  }
  return undefined;
}

function createFile(path: Buffer, key: string): IncomingFile {
  let fd = -1;
  let offset = 0;
  let released = false;
  try {
    fd = openSync(path, NEW_FILE, 0o600);
  } catch (error) {
    throw failure('create', key, error);
  }

  async function writeAll(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const length = chunk.length - done;
      const bytesWritten =
        length <= AT_ONCE_BYTES
          ? writeSync(fd, chunk, done, length, offset)
          : (await writeAt(fd, chunk, done, length, offset)).bytesWritten;
      done += bytesWritten;
      offset += bytesWritten;
    }
  }

  async function settle({ mtimeNs, mode, owner }: Attributes): Promise<void> {
    const writing = fd;
    // A reader of the folder must not find the file open for writing. Its mode may keep even its owner from opening it.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (owner !== undefined) fchownSync(writing, owner.uid, owner.gid);
      fchmodSync(writing, mode & PERMISSIONS);
      if (mtimeNs !== undefined) setModificationTime(writing, mtimeNs);
      await fsyncNow(writing);
      const [written, read] = [writing, fd].map((one) => fstatSync(one, { bigint: true }).ino);
      if (written !== read) throw new Error(`${path.toString()} was replaced`);
    } finally {
      closeSync(writing);
    }
  }

  return {
    path,
    write: (chunk) => writeAll(chunk).catch((error: unknown) => Promise.reject(failure('write', key, error))),
    finish: (attributes) =>
      settle(attributes).catch((error: unknown) => Promise.reject(failure('fsync', key, error))),
    get fd() {
      return fd;
    },
    release() {
      if (released) return;
      released = true;
      try {
        closeSync(fd);
      } finally {
        unlinkIfThere(path);
      }
    },
  };
}

function unlinkIfThere(path: Buffer): void {
  // Mostly it was renamed away, and an error costs more than a look.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
}

function failure(op: string, key: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const full = ['ENOSPC', 'EDQUOT'].includes(error.code);
  if (!full) return pathError(op, Buffer.from(key), error);
  return new SyncError(`${key}: ${error.message}`, {
    op,
    key,
    retryable: true,
    code: error.code,
    hint: 'Make room on the file system of the folder; the download is tried again by itself.',
    cause: error,
  });
}
