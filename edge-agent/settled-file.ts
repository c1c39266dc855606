/**
 * A file that nobody has open for writing, kept that way while it is worked on: the kernel's read lease tells when a
 * writer comes, and the state of the file tells what happened where there are no leases.
 */
import { closeSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type FileState, type OpenRoot, openFile, sameState, statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { fileKey } from '#core/file-key.ts';
import type { ObjectKey } from '#core/key.ts';
import { isReserved } from '#core/names.ts';
import type { FolderContext } from './folder.ts';
import { decodeName, printableName } from './path-bytes.ts';

/** What the flows of one file need beside the folder's. */
export interface FileContext extends FolderContext {
  root: OpenRoot;
  /** Aborted when the folder stops: nothing new is begun. */
  stopping: AbortSignal;
  /** Says once that this folder has no leases. */
  withoutLease(): void;
}

export interface SettledFile {
  fd: number;
  key: ObjectKey;
  state: FileState;
  /** Nobody has written, replaced or touched the open file since `state`, and nobody wants to write it. */
  untouched(): boolean;
  /** Throws `SyncError` `Changed` or `Stopped` when going on is pointless. */
  checkpoint(): void;
}

/** What came of looking at one path. */
export type Looked =
  | { done: string }
  /** Somebody writes it, or it changed: look again after the delay, or when an event says so. */
  | { later: string; delayMs: number }
  /** Not a file to sync; stays as it is until it changes. */
  | { parked: string }
  /** No regular file has this name. */
  | { gone: string };

/** Of file systems that keep no fractions of a second: FAT has even seconds only. */
const WHOLE_SECONDS_MS = 2_020;
/** Since Linux 6.13 a change after a look shows: https://docs.kernel.org/filesystems/multigrain-ts.html */
const TICK_MS = isBefore(release(), 6, 13) ? 20 : 0;

/** A writer that closes is told by an event; this is for closes that no event tells. */
const BUSY_DELAY_MS = 2_000;

/** @throws SyncError when the file cannot be opened or its name cannot be a key, and what `work` throws */
export async function withSettledFile(
  context: FileContext,
  path: Buffer,
  work: (file: SettledFile) => Promise<Looked>,
): Promise<Looked> {
  const { folder, root, leases } = context;
  const opened = openFile(root, path, folder.symlinks === 'follow');
  if ('skipped' in opened) return { gone: opened.skipped };
  const { fd } = opened;
  try {
    const refusal = sizeFault(folder, opened.state.sizeBytes);
    if (refusal !== undefined) return { parked: refusal };
    const key = fileKey(folder.prefix, decodeName(path), printableName(path));
    if (isReserved(key)) return { parked: 'has a name that Sluice keeps for its own objects' };
    const lease = leases.take(fd);
    if (lease === 'busy') return { later: 'is open for writing', delayMs: BUSY_DELAY_MS };
    if (lease === 'unsupported') {
      context.withoutLease();
      const restMs = unsettledMs(opened.state, folder.settle);
      if (restMs > 0) return { later: 'was changed a moment ago', delayMs: restMs };
      return await work(settled(context, fd, key, opened.state, () => true));
    }
    try {
      // Between open and lease a writer may have come and gone.
      return await work(settled(context, fd, key, statOf(fd), () => !lease.broken));
    } finally {
      lease.release();
    }
  } finally {
    closeSync(fd);
  }
}

function settled(
  { stopping }: FileContext,
  fd: number,
  key: ObjectKey,
  state: FileState,
  leased: () => boolean,
): SettledFile {
  const untouched = () => leased() && sameState(state, statOf(fd));
  return {
    fd,
    key,
    state,
    untouched,
    checkpoint() {
      if (stopping.aborted) throw failure(`${key} was given back: the agent stops`, key, 'Stopped');
      if (!untouched()) throw changed(key);
    },
  };
}

/**
 * Resolves when no change can leave the file with these times any more. Before a row says that the file is synced, and
 * with the lease still held.
 */
export async function tickOver({ ctimeNs, sizeBytes }: FileState): Promise<void> {
  const tickMs = ctimeNs % 1_000_000_000n === 0n ? WHOLE_SECONDS_MS : TICK_MS;
  const leftMs = Math.min(tickMs, Number(ctimeNs / 1_000_000n) + tickMs - Date.now());
  if (sizeBytes > 0 && leftMs > 0) await delay(leftMs);
}

function isBefore(kernel: string, major: number, minor: number): boolean {
  const [one = 0, two = 0] = kernel.split('.').map(Number);
  return one < major || (one === major && two < minor);
}

/** Whether what has the name now is nothing to keep a row for. */
export function isNothing(gone: string): boolean {
  return gone === 'vanished' || gone === 'directory';
}

export function changed(key: ObjectKey): SyncError {
  return failure(`${key} changed while it was uploaded`, key, 'Changed');
}

function sizeFault({ minBytes, maxBytes }: FolderContext['folder'], sizeBytes: number): string | undefined {
  if (sizeBytes < minBytes) return `has ${sizeBytes} bytes; minBytes is ${minBytes}`;
  if (maxBytes !== undefined && sizeBytes > maxBytes)
    return `has ${sizeBytes} bytes; maxBytes is ${maxBytes}`;
  return undefined;
}

/** How long the file must still rest to count as settled without a lease. Its mtime may be set to any time, also a later one. */
function unsettledMs({ ctimeNs }: FileState, settleMs: number): number {
  return Math.min(settleMs, Number(ctimeNs / 1_000_000n) + settleMs - Date.now());
}

function failure(message: string, key: ObjectKey, code: string): SyncError {
  return new SyncError(message, { op: 'upload', key, retryable: true, code });
}
