/**
 * Removes by age: files whose bytes the bucket is proved to hold, and directories that stay empty. What is old but not
 * safe stays and is named, unless the user has said that age alone decides (I1).
 */
import { closeSync } from 'node:fs';
import { isSystemError } from '#adapters/host/libc.ts';
import { scanTree } from '#adapters/host/scan.ts';
import { removeSafely } from '#adapters/host/trash.ts';
import { type FileState, joinPath, lstatBig, type OpenRoot, openFile, statOf } from '#adapters/host/tree.ts';
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import { clockFault, isOlder } from '#core/expiry.ts';
import { createAgedDirectories } from './aged-directories.ts';
import { hindranceOf } from './expire-proof.ts';
import type { FolderContext } from './folder.ts';
import { noteOtherNames } from './older-file.ts';
import { printableName } from './path-bytes.ts';

interface ExpiryCounts {
  files: number;
  directories: number;
  /** Old, but not safe, in use, or changed at the last moment. */
  kept: number;
  /** 1 when the pass could not be carried through. */
  failed: number;
}

export interface Expiry {
  /** One look at the whole folder; nothing for a folder without `retention`. Passes do not run side by side. */
  pass(nowMs: number): Promise<ExpiryCounts>;
}

export interface ExpiryOptions {
  root: OpenRoot;
  /** Aborted when the folder stops: nothing more is removed. */
  stopping: AbortSignal;
  /** The store's clock minus the host's in milliseconds, where it is known. */
  skewMs?: () => number | undefined;
}

export function createExpiry(context: FolderContext, options: ExpiryOptions): Expiry {
  const { folder, settings, index, leases, log, metrics } = context;
  const { root, stopping } = options;
  const rule = folder.retention;
  /** What was named in the last pass is not named again. */
  let named = new Map<string, string>();
  let saidOfClock = '';

  async function pass(nowMs: number): Promise<ExpiryCounts> {
    const counts = { files: 0, directories: 0, kept: 0, failed: 0 };
    if (rule === undefined || !clockAgrees(options.skewMs?.())) return counts;
    const before = named;
    named = new Map();
    const old = (times: { mtimeNs: bigint; ctimeNs: bigint }) => isOlder(times, rule.olderThan, nowMs);
    const directories = createAgedDirectories(root.path, old);

    const keep = (path: Buffer, why: string) => {
      const id = path.toString('latin1');
      counts.kept++;
      named.set(id, why);
      if (before.get(id) !== why) log.warn(`not expired: ${why}`, { key: keyOf(path), folder: folder.name });
    };
    const expire = async (path: Buffer) => {
      if (stopping.aborted) return;
      const why = await removeFile(path, old, rule.expireUnsynced, () => directories.remember(path)).catch(
        (error: unknown) => {
          if (!isOfOneFile(error)) throw error;
          counts.failed = 1;
          return error.message;
        },
      );
      if (why === 'gone') return;
      if (why !== undefined) keep(path, why);
      else counts.files++;
    };
    try {
      const { emptyDirectories } = await scanTree(root.path, async (files) => {
        const due = files.filter(({ path, state }) => old(state) && !isMarker(path));
        await inParallel(due, settings.limits.concurrency, ({ path }) => expire(path));
      });
      if (stopping.aborted) return counts;
      for (const directory of directories.removeEmpty(emptyDirectories)) {
        counts.directories++;
        log.info('removed directory', { key: `${keyOf(directory)}/` });
      }
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      counts.failed = 1;
      log.warn(`expiry broke off: ${error.message}`, { folder: folder.name, hint: error.hint });
    }
    return counts;
  }

  /** `undefined` when it was removed, `gone` when there is nothing to remove, else why it stays. */
  async function removeFile(
    path: Buffer,
    old: (state: FileState) => boolean,
    unsafeToo: boolean,
    beforeRemoval: () => void,
  ): Promise<string | undefined> {
    const opened = openFile(root, path, false);
    if ('skipped' in opened) return 'gone';
    const { fd } = opened;
    try {
      const lease = leases.take(fd);
      if (lease === 'busy') return 'it is open for writing';
      try {
        const state = statOf(fd);
        if (!old(state)) return 'gone';
        const hindrance = await hindranceOf(context, path, fd, state);
        if (hindrance !== undefined && !unsafeToo) return hindrance;
        if (stopping.aborted) return 'gone';
        beforeRemoval();
        return unlinkFile(path, fd, state);
      } finally {
        if (typeof lease === 'object') lease.release();
      }
    } finally {
      closeSync(fd);
    }
  }

  /** The row goes first: a row without its file could be taken for a file that somebody deleted. */
  function unlinkFile(path: Buffer, fd: number, state: FileState): string | undefined {
    const row = index.get(folder.name, path);
    noteOtherNames(context.hostStart, state);
    try {
      index.remove(folder.name, path);
      index.flush();
      if (removeSafely(root.path, path, fd, state) === 'changed') {
        if (row !== undefined) index.put(row);
        return 'somebody touched it';
      }
    } catch (error) {
      if (row !== undefined && isThere(joinPath(root.path, path))) index.put(row);
      throw error;
    }
    log.info('expired', { key: keyOf(path), bytes: state.sizeBytes });
    metrics.done(folder.name, 'expired', state.sizeBytes);
    return undefined;
  }

  function clockAgrees(skewMs: number | undefined): boolean {
    const fault = clockFault(skewMs) ?? '';
    if (fault !== '' && fault !== saidOfClock) {
      log.error(`nothing expires: ${fault}`, {
        folder: folder.name,
        hint: 'Correct the clock of this host.',
      });
    }
    saidOfClock = fault;
    return fault === '';
  }

  function isMarker(path: Buffer): boolean {
    if (folder.mode !== 'append' || folder.marker === undefined) return false;
    return path.subarray(path.lastIndexOf('/') + 1).equals(Buffer.from(folder.marker));
  }

  function keyOf(path: Buffer): string {
    return folder.prefix + printableName(path);
  }

  let running: Promise<unknown> = Promise.resolve();
  return {
    pass(nowMs) {
      const result = running.then(() => pass(nowMs));
      running = result.catch(() => undefined);
      return result;
    },
  };
}

const OF_FILES = new Set(['open', 'remove', 'put-back']);

/** The others may go all the same; a store or an index that is away is no use to any of them. */
function isOfOneFile(error: unknown): error is Error {
  if (!(error instanceof SyncError)) return isSystemError(error);
  return !error.retryable || OF_FILES.has(error.op);
}

/** What cannot be looked at may have gone; if it has not, the next scan finds it. */
function isThere(path: Buffer): boolean {
  try {
    lstatBig(path);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
