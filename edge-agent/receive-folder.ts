/**
 * A `receive` folder that is claimed, until it is let go. Queue and listing only say which keys to look at; what is
 * done follows from the object and the file (I5). What could not be done is in the index with its time to try again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createIncoming } from '#adapters/host/incoming.ts';
import type { HostQueue } from '#adapters/host-queue-sqs.ts';
import { SyncError } from '#core/errors.ts';
import { expiryIntervalMs } from '#core/expiry.ts';
import type { ObjectKey } from '#core/key.ts';
import { createExpiry } from './expire.ts';
import type { FolderContext, FolderView } from './folder.ts';
import { type ClaimedFolder, isAsClaimed } from './folder-claim.ts';
import { createFolderWork, TRIES_IN_PASS } from './folder-work.ts';
import { createFreeSpace } from './free-space.ts';
import type { OpenFolder } from './open-folder.ts';
import type { Ownership } from './owner.ts';
import { printableName } from './path-bytes.ts';
import type { ReceiveContext } from './receive-context.ts';
import { receiveFile } from './receive-file.ts';
import { forgetTaken, isForFolder, listPrefix } from './receive-listing.ts';
import { notePlaceholder } from './receive-notes.ts';
import { createRoomWaiters } from './room-waiters.ts';
import type { Looked } from './settled-file.ts';

export interface ReceiveOptions {
  /** Tells of new objects; without one, or while it does not work, the listing finds them. */
  queue?: HostQueue;
  /** The store's clock minus the host's in milliseconds, where it is known. */
  skewMs?: () => number | undefined;
}

const ROOM_EVERY_MS = 5_000;
/** Until the folder is the folder again. */
const UNAVAILABLE_MS = 5_000;
/** For each download under way so many files are in work: the more of them wait for the disk, the fewer waits there are. */
const WAITING_FOR_DISK = 4;
/** What was received in that time is noted with one commit; until then only the removal of the objects waits. */
const GATHERED_MS = 10;
const LISTING_FAILED = { files: 0, directories: 0, errors: 1 };

export function openReceiveFolder(
  context: FolderContext,
  claim: ClaimedFolder,
  ownership: Ownership | undefined,
  { queue, skewMs }: ReceiveOptions,
): OpenFolder {
  const { folder, settings, index, log } = context;
  const stopping = new AbortController();
  const receive: ReceiveContext = {
    ...context,
    root: claim.root,
    // Never into what has taken the place of the folder: it may be gone again when the object is about to be removed.
    incoming: createIncoming(Buffer.from(`/proc/self/fd/${claim.root.fd}`)),
    space: createFreeSpace(claim.root.path, settings.limits.minFreeBytes),
    downloads: createByteBudget(settings.limits.concurrency),
    noted: together(() => index.flush()),
    newFileMode: 0o666 & ~process.umask(),
    stopping: stopping.signal,
    withoutLease: () => undefined,
    fault: oncePerTurn(claim.fault),
  };
  const limits = { ...settings.limits, concurrency: settings.limits.concurrency * WAITING_FOR_DISK };
  const work = createFolderWork({ ...receive, settings: { ...settings, limits } }, look);
  const room = createRoomWaiters(receive, work.mark);
  const expiry = createExpiry(context, {
    root: claim.root,
    stopping: stopping.signal,
    ...(skewMs === undefined ? {} : { skewMs }),
  });
  const expiryEveryMs =
    folder.retention === undefined ? Number.POSITIVE_INFINITY : expiryIntervalMs(folder.retention.olderThan);
  let lastScan: FolderView['lastScan'];
  let listing: Promise<void> = Promise.resolve();
  let listingNow = false;
  let background: Promise<unknown> = Promise.resolve();
  let unsubscribe: (() => void) | undefined;
  let listedMs = 0;
  let roomMs = 0;
  let nextTidyMs = 0;
  let nextExpiryMs = 0;

  async function look(path: Buffer): Promise<Looked> {
    const fault = receive.fault();
    if (fault !== undefined) return { later: fault, delayMs: UNAVAILABLE_MS };
    await ownership?.require();
    const result = await receiveFile(receive, path);
    if ('noRoomFor' in result) {
      room.add(path, result.noRoomFor);
      return { done: 'waits for room' };
    }
    room.drop(path);
    if (!('parked' in result) || result.counts) return result;
    notePlaceholder(receive, path, result.parked);
    return { done: 'placeholder' };
  }

  function marked(key: ObjectKey): void {
    if (isForFolder(folder.prefix, key)) work.mark(Buffer.from(key.slice(folder.prefix.length)));
  }

  /** What failed has its own time, until somebody says that the object is new. */
  function waits(path: Buffer): boolean {
    if (room.has(path)) return true;
    const row = index.get(folder.name, path);
    return row?.state === 'waiting' && row.nextAttemptMs > Date.now();
  }

  async function listNow(reason: string, everything: boolean): Promise<void> {
    if (stopping.signal.aborted || !isAsClaimed(claim, folder, log)) return;
    listingNow = true;
    try {
      lastScan = await listPrefix(receive, work.mark, everything ? () => false : waits);
      log.debug(`listed: ${reason}`, { folder: folder.name, keys: lastScan.files });
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.error(error.message, { folder: folder.name, hint: error.hint });
      lastScan = { endedMs: Date.now(), ...LISTING_FAILED };
    } finally {
      listedMs = performance.now();
      listingNow = false;
    }
  }

  function list(reason: string, everything = false): Promise<void> {
    listing = listing.then(() => listNow(reason, everything));
    return listing;
  }

  function clear(): void {
    const { removed, kept } = receive.incoming.clear();
    if (removed > 0) log.info('removed unfinished downloads of an earlier run', { files: removed });
    for (const name of kept) {
      log.warn('put back after a crash: somebody had given it the name of a file that was being replaced', {
        key: printableName(name),
        folder: folder.name,
      });
    }
  }

  /** Between events, and never twice at once. */
  function inBackground(action: () => Promise<unknown>): void {
    background = background.then(action).catch((error: unknown) => {
      log.error(error instanceof Error ? error.message : String(error), { folder: folder.name });
    });
  }

  return {
    scan: (reason) => list(reason),
    // There is nothing else to compare: the listing is the bucket.
    verify: () => Promise.resolve(),
    async watch() {
      clear();
      unsubscribe = queue?.subscribe(folder.prefix, marked);
      await list('start', true);
    },
    async pass() {
      clear();
      work.begin(TRIES_IN_PASS);
      await list('pass', true);
      await work.idle();
      room.leftBehind();
      await forgetTaken(receive);
      const { failed } = await expiry.pass(Date.now());
      return work.left + room.size + failed + (lastScan?.errors ?? 1);
    },
    async tick() {
      const nowMs = performance.now();
      if (room.size > 0 && nowMs - roomMs >= ROOM_EVERY_MS) {
        roomMs = nowMs;
        room.check();
      }
      // The queue tells at once; then the listing is for what it did not tell.
      const everyMs = queue?.working === true ? Math.max(settings.rescan, folder.interval) : folder.interval;
      if (!listingNow && nowMs - listedMs >= everyMs) void list('interval');
      if (nowMs >= nextTidyMs) {
        nextTidyMs = nowMs + settings.rescan;
        inBackground(() => forgetTaken(receive));
      }
      if (nowMs >= nextExpiryMs) {
        nextExpiryMs = nowMs + expiryEveryMs;
        inBackground(() => expiry.pass(Date.now()));
      }
    },
    fault: () => ownership?.fault ?? claim.fault(),
    view: () => ({
      watch: queue?.working === true ? 'queue' : '',
      queued: work.queued,
      putOff: work.putOff + room.size,
      held: '',
      heldDeletes: 0,
      ...(lastScan === undefined ? {} : { lastScan }),
    }),
    retry() {
      index.retryNow(folder.name);
      for (const { path } of index.unsettled(folder.name)) work.mark(path);
      work.hurry();
    },
    approveDeletes: () => undefined,
    async close() {
      unsubscribe?.();
      stopping.abort();
      await listing;
      await background;
      await work.stop();
      try {
        receive.incoming.close();
      } finally {
        claim.release();
      }
    },
  };
}

/** What one turn of the event loop has found holds for all of that turn: of many files that are safe at once. */
function oncePerTurn<Answer>(ask: () => Answer): () => Answer {
  let known: { answer: Answer } | undefined;
  return () => {
    if (known === undefined) {
      known = { answer: ask() };
      setImmediate(() => {
        known = undefined;
      });
    }
    return known.answer;
  };
}

/** One call for all who ask within a few milliseconds. */
function together(action: () => void): () => Promise<void> {
  let planned: Promise<void> | undefined;
  return () => {
    planned ??= delay(GATHERED_MS).then(() => {
      planned = undefined;
      action();
    });
    return planned;
  };
}
