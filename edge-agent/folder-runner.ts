/**
 * One folder whose files go to the bucket, for as long as the agent runs: it is claimed, worked on by its schedule, let
 * go when it is no longer the folder that it was (unmounted, replaced, another agent's), and claimed again.
 */
import { isSystemError } from '#adapters/host/libc.ts';
import { untilNext } from '#adapters/host/ticks.ts';
import { recoverTrash } from '#adapters/host/trash.ts';
import { SyncError } from '#core/errors.ts';
import type { FolderContext, FolderRunner, FolderView } from './folder.ts';
import { type ClaimedFolder, claimFolder } from './folder-claim.ts';
import type { OpenFolder } from './open-folder.ts';
import { createOwnership, type Ownership } from './owner.ts';
import { printableName } from './path-bytes.ts';

const TICK_MS = 1_000;
/** Between looks whether the folder is (still) ours. */
const CLAIM_EVERY_MS = 5_000;
/** How often the index is compared with the bucket where passes do not do it anyway. */
const VERIFY_EVERY_MS = 86_400_000;
/** May pass by itself: something is not mounted, another agent has yet to stop, or there is no room to note what is done. */
const TEMPORARY = new Set(['NoFolder', 'Replaced', 'Unusable', 'Owned', 'IndexFull']);

function mayPass(error: unknown): error is Error {
  return (
    isSystemError(error) ||
    (error instanceof SyncError && (error.retryable || TEMPORARY.has(error.code ?? '')))
  );
}

/** What a mode makes of a claimed folder. */
type OpenAs = (context: FolderContext, claim: ClaimedFolder, ownership: Ownership | undefined) => OpenFolder;

/** @param openAs what the folder's mode makes of a claimed folder */
export function createFolderRunner(context: FolderContext, openAs: OpenAs): FolderRunner {
  const { settings, folder, store, index, log, agent } = context;
  const ownership = settings.exclusive ? createOwnership(store, agent, folder) : undefined;
  let open: OpenFolder | undefined;
  let claimed: ClaimedFolder | undefined;
  let reason = 'starting';
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();
  let nextClaimMs = 0;
  let nextScanMs = 0;
  let nextVerifyMs = 0;
  let passing = false;
  let unplaced = new Set<string>();
  let unasked = 0;

  /** @throws SyncError as `claimFolder` does, and `Owned` */
  async function attach(): Promise<OpenFolder> {
    const claim = claimFolder(folder, index);
    try {
      await ownership?.require().catch((error: unknown) => {
        // A store that is away must not keep the host from starting: every upload asks again.
        if (!(error instanceof SyncError) || error.code === 'Owned') throw error;
        log.warn(error.message, { folder: folder.name, hint: error.hint });
        unasked = 1;
      });
      putBack(claim, 'put back after a crash');
      reason = '';
      claimed = claim;
      return openAs(context, claim, ownership);
    } catch (error) {
      claim.release();
      throw error;
    }
  }

  /** What was on its way out when a crash or an error came. Removals are done in one turn: none is under way now. */
  function putBack({ root }: ClaimedFolder, message: string): void {
    const left = new Map<string, string>();
    const failed = (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      // The directories' descriptors are others at each try.
      left.set(why.replaceAll(/\/fd\/\d+/g, ''), why);
    };
    for (const path of recoverTrash(root.path, context.hostStart.touching, failed)) {
      log.info(message, { key: printableName(path) });
    }
    // It is tried again all the time.
    for (const [known, why] of left) if (!unplaced.has(known)) log.error(why, { folder: folder.name });
    unplaced = new Set(left.keys());
  }

  function unavailable(why: string, hint: string | undefined): void {
    if (reason !== why) log.error(why, { key: folder.path, folder: folder.name, hint });
    reason = why;
  }

  async function attachOrWait(): Promise<void> {
    nextClaimMs = performance.now() + CLAIM_EVERY_MS;
    try {
      open = await attach();
      if (folder.schedule === 'close') await watch(open);
    } catch (error) {
      if (!mayPass(error)) throw error;
      unavailable(error.message, error instanceof SyncError ? error.hint : undefined);
      return;
    }
    // Stopped meanwhile.
    if (open === undefined) return;
    if (folder.schedule === 'close') {
      nextScanMs = performance.now() + settings.rescan;
      // Folder and index may both have gone back to a state from before the object.
      nextVerifyMs = performance.now() + (context.hostStart.isNew ? 0 : VERIFY_EVERY_MS);
      const { prefix, path } = folder;
      log.info('watching', { key: path, prefix, by: open.view().watch });
    } else {
      void pass(open);
    }
  }

  /** A folder that nobody watches would look as if all were well. */
  async function watch(one: OpenFolder): Promise<void> {
    try {
      await one.watch();
    } catch (error) {
      await letGo();
      throw error;
    }
  }

  /** Whatever keeps a running agent from its folder may pass by itself. */
  async function attachAgain(): Promise<void> {
    try {
      await attachOrWait();
    } catch (error) {
      const hint = error instanceof SyncError ? error.hint : undefined;
      unavailable(error instanceof Error ? error.message : String(error), hint);
    }
  }

  async function letGo(): Promise<void> {
    const one = open;
    open = undefined;
    await one?.close();
  }

  async function pass(one: OpenFolder): Promise<void> {
    const startedMs = performance.now();
    passing = true;
    let left = 0;
    try {
      left = await one.pass();
    } catch (error) {
      log.error(error instanceof Error ? error.message : String(error), { folder: folder.name });
    } finally {
      passing = false;
    }
    log.info('pass ended', { key: folder.path, left, ms: Math.round(performance.now() - startedMs) });
    const { schedule } = folder;
    nextScanMs = typeof schedule === 'object' ? startedMs + schedule.every : Number.POSITIVE_INFINITY;
  }

  /** Beside the ticks: it may last as long as the work that it finds. */
  async function rescan(one: OpenFolder): Promise<void> {
    nextScanMs = Number.POSITIVE_INFINITY;
    await one.scan('interval');
    nextScanMs = performance.now() + settings.rescan;
  }

  async function tick(): Promise<void> {
    const nowMs = performance.now();
    if (open === undefined) {
      if (nowMs >= nextClaimMs) await attachAgain();
      return;
    }
    if (nowMs >= nextClaimMs) {
      nextClaimMs = nowMs + CLAIM_EVERY_MS;
      const fault = open.fault();
      if (fault !== undefined) {
        unavailable(`folder ${folder.name} is not available: ${fault}`, undefined);
        await letGo();
        return;
      }
      if (claimed !== undefined) putBack(claimed, 'put back after an error');
    }
    if (folder.schedule !== 'close') {
      if (!passing && nowMs >= nextScanMs) void pass(open);
      return;
    }
    const one = open;
    await one.tick();
    if (nowMs >= nextScanMs) void rescan(one);
    if (nowMs >= nextVerifyMs) {
      nextVerifyMs = nowMs + VERIFY_EVERY_MS;
      await one.verify();
    }
  }

  function tickAgain(): void {
    ticking = tick()
      .catch((error: unknown) => {
        log.error(error instanceof Error ? error.message : String(error), { folder: folder.name });
      })
      .then(() => {
        if (!stopped) timer = setTimeout(tickAgain, untilNext(TICK_MS));
      });
  }

  return {
    async run() {
      ticking = attachOrWait();
      await ticking;
      if (!stopped) timer = setTimeout(tickAgain, untilNext(TICK_MS));
    },
    async once() {
      open = await attach();
      return (await open.pass()) + unasked;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await letGo();
      await Promise.allSettled([ticking]);
      // What was being opened at that moment.
      await letGo();
    },
    retry: () => open?.retry(),
    approveDeletes: () => open?.approveDeletes(),
    view() {
      const { held = '', ...live } = open?.view() ?? {};
      const { synced, waiting, parked } = index.counts(folder.name);
      return {
        name: folder.name,
        path: folder.path,
        prefix: folder.prefix,
        mode: folder.mode,
        ...stateOf(held),
        watch: '',
        queued: 0,
        putOff: 0,
        heldDeletes: 0,
        ...live,
        synced,
        waiting,
        parked,
      };
    },
  };

  function stateOf(held: string): Pick<FolderView, 'state' | 'reason'> {
    if (stopped) return { state: 'stopped', reason: '' };
    if (open === undefined) return { state: reason === 'starting' ? 'starting' : 'unavailable', reason };
    return held === '' ? { state: 'working', reason: '' } : { state: 'held', reason: held };
  }
}
