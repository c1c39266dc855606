/**
 * One folder: what is in its tree is the queue. Events and scans only say where to look; what is done follows from
 * what is there (I5). Every failure is kept in the index with its time to try again, so `status` can show it (I4).
 */
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import type { HostIndex } from '#adapters/host/index-db.ts';
import { lockFolder } from '#adapters/host/lock.ts';
import { scanTree } from '#adapters/host/scan.ts';
import { recoverTrash } from '#adapters/host/trash.ts';
import { HIDDEN_DIRECTORY } from '#adapters/host/tree.ts';
import { type Watcher, watchTree } from '#adapters/host/watcher.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import { backoffMs } from '#core/retry.ts';
import type { AgentSettings, FolderSettings } from '#core/settings/agent.ts';
import { createDirtySet } from './dirty-set.ts';
import type { Leases } from './leases.ts';
import type { Log } from './log.ts';
import { moveFile } from './move-file.ts';
import { printableName } from './path-bytes.ts';

export interface FolderContext {
  settings: AgentSettings;
  folder: FolderSettings;
  store: ObjectStore;
  index: HostIndex;
  leases: Leases;
  log: Log;
}

export interface FolderRunner {
  /** Watches until `stop`. Resolves when the first scan has been queued. */
  run(): Promise<void>;
  /** One pass over the tree; answers how many files could not be moved. */
  once(): Promise<number>;
  /** Takes no more work, and resolves when what is in flight has been finished or given back. */
  stop(): Promise<void>;
}

/** A failed file is tried again for ever; the delay grows to five minutes. */
const RETRY = { baseDelayMs: 1_000, maxDelayMs: 300_000 };
/** In one pass a file gets so many tries. */
const TRIES_ONCE = 3;
const NO_STATE = {
  dev: 0n,
  ino: 0n,
  sizeBytes: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  mode: 0,
  uid: 0,
  gid: 0,
  nlink: 0,
};
const NO_UPLOAD = { ...NO_STATE, md5: '', etag: '', versionId: '' };

/** @throws SyncError when the folder does not exist or another agent has it */
export function createFolderRunner(context: FolderContext): FolderRunner {
  const { settings, folder, store, index, leases, log } = context;
  const unlock = claim(folder);
  // A folder that is a symlink is watched where it leads.
  const root = Buffer.from(realpathSync(folder.path));
  const stopping = new AbortController();
  const tries = new Map<string, number>();
  let triesAllowed = Number.POSITIVE_INFINITY;
  let left = 0;
  let watcher: Watcher | undefined;
  let rescanTimer: NodeJS.Timeout | undefined;
  let scanning: Promise<void> = Promise.resolve();
  let saidWithoutLease = false;

  const move = {
    folder,
    root,
    store,
    index,
    leases,
    log,
    partBytes: settings.limits.partBytes,
    stopping: stopping.signal,
    withoutLease() {
      if (saidWithoutLease) return;
      saidWithoutLease = true;
      log.warn('no leases here: a file counts as complete when it has not changed for a while', {
        key: folder.path,
        settleMs: folder.settle,
      });
    },
  };

  const dirty = createDirtySet(settings.limits.concurrency, async (path) => {
    const id = path.toString('latin1');
    try {
      const result = await moveFile(move, path);
      if ('parked' in result) {
        park(path, result.parked);
      } else if ('later' in result) {
        log.debug(`not yet: ${result.later}`, { key: printableName(path) });
        again(path, id, result.delayMs, result.later);
      } else {
        tries.delete(id);
      }
    } catch (error) {
      failed(path, id, error);
    }
  });

  function failed(path: Buffer, id: string, error: unknown): void {
    const failure = error instanceof SyncError ? error : undefined;
    const message = error instanceof Error ? error.message : String(error);
    if (failure?.code === 'Stopped') {
      log.debug(message);
    } else if (failure?.code === 'InvalidKey') {
      park(path, message, failure.hint);
    } else {
      retry(path, id, message, failure);
    }
  }

  function retry(path: Buffer, id: string, message: string, failure: SyncError | undefined): void {
    const attempts = (index.get(folder.name, path)?.attempts ?? 0) + 1;
    const delayMs = backoffMs(RETRY, attempts, 0.5 + Math.random() / 2);
    if (failure?.code === 'Changed') log.info(message, { folder: folder.name });
    else log.warn(message, { folder: folder.name, attempts, retryInMs: delayMs, hint: failure?.hint });
    index.put({
      ...NO_UPLOAD,
      folder: folder.name,
      path,
      state: 'waiting',
      attempts,
      nextAttemptMs: Date.now() + delayMs,
      lastError: message,
    });
    again(path, id, delayMs, message);
  }

  function again(path: Buffer, id: string, delayMs: number, why: string): void {
    const tried = (tries.get(id) ?? 0) + 1;
    if (triesAllowed !== Number.POSITIVE_INFINITY) tries.set(id, tried);
    if (tried < triesAllowed) {
      dirty.markLater(path, delayMs);
    } else {
      left++;
      log.warn(`left behind: ${why}`, { key: printableName(path) });
    }
  }

  function park(path: Buffer, reason: string, hint?: string): void {
    left++;
    const row = index.get(folder.name, path);
    if (row?.state === 'parked' && row.lastError === reason) return;
    log.warn(`skipped: ${reason}`, { key: printableName(path), hint });
    index.put({
      ...NO_UPLOAD,
      folder: folder.name,
      path,
      state: 'parked',
      attempts: 0,
      nextAttemptMs: 0,
      lastError: reason,
    });
  }

  async function scan(reason: string): Promise<void> {
    try {
      const result = await scanTree(root, (files) => {
        for (const { path } of files) dirty.mark(path);
      });
      for (const { path, reason: kind } of result.skipped) park(path, `is a ${kind}, not a file`);
      for (const { path, code } of result.errors) {
        log.warn(`cannot be read: ${code}`, { key: printableName(path), folder: folder.name });
        left++;
      }
      log.debug(`scanned: ${reason}`, {
        folder: folder.name,
        files: result.files,
        directories: result.directories,
      });
      if (result.errors.length === 0) forgetVanished();
    } catch (error) {
      log.error(`scan failed: ${error instanceof Error ? error.message : String(error)}`, {
        folder: folder.name,
      });
      left++;
    }
  }

  /** A row whose file is gone says nothing any more; looking at it drops it. */
  function forgetVanished(): void {
    for (const { path } of index.unsettled(folder.name)) dirty.mark(path);
  }

  function rescan(reason: string): Promise<void> {
    scanning = scanning.then(() => (stopping.signal.aborted ? undefined : scan(reason)));
    return scanning;
  }

  function recover(): void {
    for (const path of recoverTrash(root)) log.info('put back after a crash', { key: printableName(path) });
  }

  return {
    async run() {
      recover();
      watcher = await watchTree(root, {
        onDirty: (path) => dirty.mark(path),
        onRescan(reason) {
          log.warn(`looking at everything again: ${reason}`, { folder: folder.name });
          void rescan(reason);
        },
        onProblem: (error, path) =>
          log.warn(error.message, { key: printableName(path), folder: folder.name }),
      });
      await rescan('start');
      rescanTimer = setInterval(() => void rescan('interval'), settings.rescan);
      log.info('watching', { key: folder.path, prefix: folder.prefix, directories: watcher.watchCount });
    },
    async once() {
      triesAllowed = TRIES_ONCE;
      recover();
      await rescan('once');
      await dirty.idle();
      return left;
    },
    async stop() {
      clearInterval(rescanTimer);
      watcher?.close();
      stopping.abort();
      await scanning;
      await dirty.stop();
      unlock();
    },
  };
}

/** The folder must exist: making it would hide a mount that is missing. */
function claim(folder: FolderSettings): () => void {
  if (statSync(folder.path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new SyncError(`folder ${folder.name}: ${folder.path} is not a directory`, {
      op: 'start',
      key: folder.path,
      retryable: false,
      code: 'NoFolder',
      hint: 'Create it, mount it, or correct folders[].path.',
    });
  }
  mkdirSync(`${folder.path}/${HIDDEN_DIRECTORY}`, { recursive: true, mode: 0o700 });
  return lockFolder(`${folder.path}/${HIDDEN_DIRECTORY}/lock`);
}
