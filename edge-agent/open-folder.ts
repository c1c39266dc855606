/**
 * A folder that is claimed, until it is let go: its watcher, its work, and what its mode does beside single files.
 * What one file needs is in `move-file`, `mirror-file` and `append-file`; in one piece is here what shares the claim, the last
 * scan and the work.
 */
import { type Watcher, watchTree } from '#adapters/host/watcher.ts';
import { SyncError } from '#core/errors.ts';
import { createIgnore } from '#core/ignore.ts';
import { appendFile } from './append-file.ts';
import { createDeletions } from './deletions.ts';
import type { FolderContext, FolderView } from './folder.ts';
import { type ClaimedFolder, isAsClaimed } from './folder-claim.ts';
import { createFolderMarkers } from './folder-markers.ts';
import { scanFolder } from './folder-scan.ts';
import { createUpkeep } from './folder-upkeep.ts';
import { createFolderWork, TRIES_IN_PASS } from './folder-work.ts';
import { type Adopting, mirrorFile } from './mirror-file.ts';
import { moveFile } from './move-file.ts';
import type { Ownership } from './owner.ts';
import { decodeName, printableName } from './path-bytes.ts';
import type { FileContext, Looked } from './settled-file.ts';
import { resumeNoneWithOtherOptions } from './upload-abandoned.ts';

export interface OpenFolder {
  /** Resolves when every directory is watched; the first scan has begun then, and goes on beside the work. */
  watch(): Promise<void>;
  /** Compares the folder with the index and has what differs worked on; scans wait for each other. */
  scan(reason: string): Promise<void>;
  /** Compares index and bucket, marks what differs, and removes uploads that nobody will finish. */
  verify(): Promise<void>;
  /** Everything once: looked at and brought where it belongs. Answers how much could not be. */
  pass(): Promise<number>;
  /** What is done between events: deletes and markers. */
  tick(): Promise<void>;
  /** Why this is no longer our folder; `undefined` while it is. */
  fault(): string | undefined;
  view(): Pick<FolderView, 'watch' | 'queued' | 'putOff' | 'heldDeletes' | 'lastScan'> & { held: string };
  retry(): void;
  approveDeletes(): void;
  /** Resolves when what is in flight has been finished or given back. */
  close(): Promise<void>;
}

export interface OpenOptions {
  /** The store's clock minus the host's in milliseconds, where it is known. */
  skewMs?: () => number | undefined;
}

/** What could not be noted, on a full disk for example, is noted again after that. */
const NOTE_AGAIN_MS = 10_000;

export function openFolder(
  context: FolderContext,
  claim: ClaimedFolder,
  ownership: Ownership | undefined,
  { skewMs }: OpenOptions = {},
): OpenFolder {
  const { folder, settings, index, log } = context;
  const stopping = new AbortController();
  const file: FileContext = {
    ...context,
    root: claim.root,
    stopping: stopping.signal,
    withoutLease: sayOnce(() =>
      log.warn('no leases here: a file counts as complete when it has not changed for a while', {
        key: folder.path,
        settleMs: folder.settle,
      }),
    ),
  };
  resumeNoneWithOtherOptions(index, folder);
  const matches = createIgnore(folder);
  let lastScan: FolderView['lastScan'];
  let adopting: Adopting | undefined = index.counts(folder.name).synced === 0 ? { found: false } : undefined;
  let scanning: Promise<void> = Promise.resolve();
  let watcher: Watcher | undefined;
  let passing = Promise.resolve(0);
  let compareAgainMs = Number.POSITIVE_INFINITY;

  const markers =
    folder.mode === 'append' && folder.marker !== undefined
      ? createFolderMarkers(file, folder.marker, ignored)
      : undefined;
  const deletions =
    folder.mode === 'mirror' && folder.deletes ? createDeletions(file, unsure, claim.devices) : undefined;
  const mirror = {
    ...file,
    adopting: () => adopting,
    isBeingDeleted: (path: Buffer) => deletions?.isOnTheWay(path) === true,
    onGone(path: Buffer) {
      if (deletions === undefined) index.remove(folder.name, path);
      else deletions.add(path);
    },
  };
  const work = createFolderWork(file, look, () => void scan('more had changed at once than is remembered'));
  const upkeep = createUpkeep(file, markWanted, {
    skewMs,
    owned: () => ownership !== undefined && ownership.fault === undefined,
  });

  async function look(path: Buffer): Promise<Looked> {
    await Promise.all([ownership?.require(), context.requireEncryption?.()]);
    switch (folder.mode) {
      case 'mirror':
        return mirrorFile(mirror, path);
      case 'append':
        markers?.touch(path);
        return appendFile(file, path);
      default:
        return moveFile(file, path);
    }
  }

  function ignored(path: Buffer): boolean {
    const text = decodeName(path) ?? path.toString('latin1');
    return markers?.isMarker(text) === true || matches(text);
  }

  function unsure(): string | undefined {
    const fault = claim.fault();
    if (fault !== undefined) return fault;
    if (lastScan === undefined) return 'the folder has not been compared with the index yet';
    if (lastScan.errors > 0) return `the last scan could not read everything (${lastScan.errors} errors)`;
    return index.fresh === undefined ? undefined : 'the index is being built';
  }

  /** Another file may have the name by now: what is ignored is never looked at. */
  function markWanted(path: Buffer): boolean {
    return ignored(path) || work.mark(path);
  }

  function gone(path: Buffer): void {
    markWanted(path);
    for (const row of index.below(folder.name, path)) {
      // The scan that comes then finds the others.
      if (!markWanted(row.path)) return;
    }
  }

  async function scanNow(reason: string): Promise<void> {
    if (stopping.signal.aborted || !isAsClaimed(claim, folder, log)) return;
    try {
      log.debug(`scanning: ${reason}`, { folder: folder.name });
      lastScan = await scanFolder(file, work, ignored);
      void work.drained().then(compared).catch(tell);
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error(`scan failed: ${error instanceof Error ? error.message : String(error)}`, {
        folder: folder.name,
      });
      lastScan = { endedMs: Date.now(), files: 0, directories: 0, errors: 1 };
    }
  }

  function scan(reason: string): Promise<void> {
    scanning = scanning.then(() => scanNow(reason));
    return scanning;
  }

  /** All that was there has been looked at, by whichever scan first could: the index is what the folder is. */
  function compared(): void {
    if (lastScan === undefined || lastScan.errors > 0 || stopping.signal.aborted) return;
    adopting = undefined;
    compareAgainMs = performance.now() + NOTE_AGAIN_MS;
    context.onCompared();
    compareAgainMs = Number.POSITIVE_INFINITY;
  }

  function tell(error: unknown): void {
    log.error(error instanceof Error ? error.message : String(error), { folder: folder.name });
  }

  async function onePass(): Promise<number> {
    work.begin(TRIES_IN_PASS);
    let failures = 0;
    try {
      await upkeep.verify();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      log.error(error.message, { folder: folder.name, hint: error.hint });
      failures++;
    }
    await scan('pass');
    await work.idle();
    if ((lastScan?.errors ?? 1) > 0) failures++;
    compared();
    failures += (await deletions?.flush()) ?? 0;
    await markers?.settle();
    failures += await upkeep.expire();
    return work.left + failures + (deletions?.waiting ?? 0);
  }

  return {
    scan,
    verify: upkeep.verify,
    async watch() {
      const options = { kind: folder.watch, pollMs: settings.rescan, gone: folder.mode === 'mirror' };
      watcher = await watchTree(claim.root.path, options, {
        onDirty: markWanted,
        onGone: gone,
        onRescan(reason) {
          log.warn(`looking at everything again: ${reason}`, { folder: folder.name });
          void scan(reason);
        },
        onProblem: (error, path) =>
          log.warn(error.message, { key: printableName(path), folder: folder.name }),
      });
      // Let go while it began: `close` had nothing to close yet.
      if (stopping.signal.aborted) {
        watcher.close();
        return;
      }
      void scan('start');
      await upkeep.abortUnfinished();
    },
    pass() {
      passing = onePass();
      return passing;
    },
    async tick() {
      if (stopping.signal.aborted) return;
      if (performance.now() >= compareAgainMs) compared();
      if (lastScan !== undefined) upkeep.expireSometimes();
      if (deletions?.due(work.queued) === true) await deletions.flush();
      if (markers?.due(work.queued) === true) await markers.settle();
    },
    fault: () => ownership?.fault ?? claim.fault(),
    view: () => ({
      watch: watcher?.kind ?? '',
      queued: work.queued,
      putOff: work.putOff,
      held: deletions?.held ?? '',
      heldDeletes: deletions?.held === '' ? 0 : (deletions?.waiting ?? 0),
      ...(lastScan === undefined ? {} : { lastScan }),
    }),
    retry() {
      index.retryNow(folder.name);
      // The others are known by their rows.
      if (work.putsOffNoMore) void scan('asked to try again');
      work.hurry();
    },
    approveDeletes: () => deletions?.approve(),
    async close() {
      stopping.abort();
      try {
        watcher?.close();
      } finally {
        // Whoever asked for them was told of what failed.
        await Promise.allSettled([scanning, upkeep.ended(), work.stop(), passing]);
        claim.release();
      }
    },
  };
}

function sayOnce(say: () => void): () => void {
  let said = false;
  return () => {
    if (!said) say();
    said = true;
  };
}
