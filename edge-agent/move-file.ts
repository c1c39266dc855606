/**
 * One file of a `move` folder: settled -> uploaded -> verified -> removed.
 *
 * Follows from the present state of file and object alone, so it can be called at any time, any number of times, and
 * be cut off anywhere. A file goes only when the store has confirmed its MD5 and a HEAD has found it again (I1).
 */
import { closeSync } from 'node:fs';
import type { HostIndex } from '#adapters/host/index-db.ts';
import { removeEmptyParents, removeSafely } from '#adapters/host/trash.ts';
import { type FileState, joinPath, openFile, sameState, statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { fileKey } from '#core/file-key.ts';
import type { ObjectKey } from '#core/key.ts';
import { fileMetadata, MD5_METADATA } from '#core/metadata.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { FolderSettings } from '#core/settings/agent.ts';
import type { HeldLease, Leases } from './leases.ts';
import type { Log } from './log.ts';
import { decodeName, printableName } from './path-bytes.ts';
import { uploadFile } from './upload-file.ts';

export interface MoveContext {
  folder: FolderSettings;
  root: Buffer;
  store: ObjectStore;
  index: HostIndex;
  leases: Leases;
  log: Log;
  partBytes: number;
  /** Aborted when the agent stops: nothing new is begun. */
  stopping: AbortSignal;
  /** Says once that this folder has no leases. */
  withoutLease(): void;
}

export type MoveResult =
  | { done: 'moved' | 'gone' }
  /** Somebody writes it, or it changed: look again after the delay, or when an event says so. */
  | { later: string; delayMs: number }
  /** Not a file to move; stays until it changes. */
  | { parked: string };

/** A writer that closes is told by an event; this is for closes that no event tells. */
const BUSY_DELAY_MS = 2_000;

/** @throws SyncError when the store or the filesystem fails; nothing is lost, the caller tries again later */
export async function moveFile(context: MoveContext, path: Buffer): Promise<MoveResult> {
  const { folder, root, leases, index } = context;
  const opened = openFile(joinPath(root, path));
  if ('skipped' in opened) {
    if (opened.skipped !== 'vanished') return { parked: `is a ${opened.skipped}, not a file` };
    index.remove(folder.name, path);
    return { done: 'gone' };
  }
  const { fd, state } = opened;
  try {
    const key = fileKey(folder.prefix, decodeName(path), printableName(path));
    const lease = leases.take(fd);
    if (lease === 'busy') return { later: 'is open for writing', delayMs: BUSY_DELAY_MS };
    if (lease === 'unsupported') {
      context.withoutLease();
      const restMs = unsettledMs(state, folder.settle);
      if (restMs > 0) return { later: 'was changed a moment ago', delayMs: restMs };
      return await transfer(context, path, key, fd, state, undefined);
    }
    try {
      // Between open and lease a writer may have come and gone.
      return await transfer(context, path, key, fd, statOf(fd), lease);
    } finally {
      lease.release();
    }
  } finally {
    closeSync(fd);
  }
}

async function transfer(
  context: MoveContext,
  path: Buffer,
  key: ObjectKey,
  fd: number,
  state: FileState,
  lease: HeldLease | undefined,
): Promise<MoveResult> {
  const { folder, root, store, index, log } = context;
  const untouched = () => lease?.broken !== true && sameState(state, statOf(fd));
  const checkpoint = () => {
    if (context.stopping.aborted) throw stopped(key);
    if (!untouched()) throw changed(key);
  };

  let { md5, etag } = knownUpload(context, path, state);
  if (etag === '') {
    const startedMs = performance.now();
    const metadata = (hex: string) => fileMetadata({ ...state, md5: hex });
    const uploaded = await uploadFile(
      store,
      { fd, sizeBytes: state.sizeBytes, key, metadata, checkpoint },
      context.partBytes,
    );
    ({ md5, etag } = uploaded);
    if (!untouched()) throw changed(key);
    index.put({
      folder: folder.name,
      path,
      ...state,
      md5,
      etag,
      versionId: uploaded.versionId ?? '',
      state: 'synced',
      attempts: 0,
      nextAttemptMs: 0,
      lastError: '',
    });
    log.info('uploaded', { key, bytes: state.sizeBytes, ms: Math.round(performance.now() - startedMs) });
  }

  const head = await store.head(key);
  const confirmed =
    head?.etag === etag && head.sizeBytes === state.sizeBytes && head.metadata[MD5_METADATA] === md5;
  if (!confirmed) {
    index.remove(folder.name, path);
    throw unconfirmed(key, head === undefined ? 'is not in the bucket' : 'was overwritten in the bucket');
  }
  if (context.stopping.aborted) throw stopped(key);
  if (!untouched() || removeSafely(root, path, fd, state) === 'changed') throw changed(key);
  index.remove(folder.name, path);
  log.info('removed', { key });
  for (const directory of removeEmptyParents(root, path)) {
    log.info('removed directory', { key: `${folder.prefix}${printableName(directory)}/` });
  }
  return { done: 'moved' };
}

/** What an earlier try uploaded, if the file is still the same; a crash after the upload costs no second one. */
function knownUpload(
  { folder, index }: MoveContext,
  path: Buffer,
  state: FileState,
): { md5: string; etag: string } {
  const row = index.get(folder.name, path);
  return row?.state === 'synced' && sameState(row, state) ? row : { md5: '', etag: '' };
}

/** How long the file must still rest to count as settled without a lease. */
function unsettledMs({ mtimeNs, ctimeNs }: FileState, settleMs: number): number {
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return Math.min(settleMs, Number(newest / 1_000_000n) + settleMs - Date.now());
}

function changed(key: string): SyncError {
  return new SyncError(`${key} changed while it was uploaded`, {
    op: 'move',
    key,
    retryable: true,
    code: 'Changed',
  });
}

function stopped(key: string): SyncError {
  return new SyncError(`${key} was given back: the agent stops`, {
    op: 'move',
    key,
    retryable: true,
    code: 'Stopped',
  });
}

function unconfirmed(key: string, what: string): SyncError {
  return new SyncError(`${key} ${what} after its upload; the file stays`, {
    op: 'move',
    key,
    retryable: true,
    code: 'Unconfirmed',
  });
}
