/**
 * The deletes of a `mirror` folder: collected for a moment, so that a rename is seen as one; judged together by the
 * guard; carried out only while the folder is certainly the folder and the last scan could read all of it (I1).
 */
import type { IndexRow } from '#adapters/host/index-db.ts';
import { inParallel } from '#adapters/in-parallel.ts';
import { type GuardWindow, guardDeletes } from '#core/delete-guard.ts';
import { SyncError } from '#core/errors.ts';
import { fileKey } from '#core/file-key.ts';
import { isFile, isUnexplained } from './absent-file.ts';
import { deleteOurs } from './delete-ours.ts';
import { decodeName, printableName } from './path-bytes.ts';
import type { FileContext } from './settled-file.ts';
import { deletedSent, mayHaveObject } from './unconfirmed.ts';

export interface Deletions {
  /** No file has this name any more; the index knows its object. */
  add(path: Buffer): void;
  /** Whether it is time to flush: a rename's new names have had their moment, given how many paths are in work. */
  due(queued: number): boolean;
  /**
   * Judges and carries out what was added. Answers how many objects could not be deleted; deletes that are held, or
   * wait for a clean scan, are not failures but stay.
   */
  flush(): Promise<number>;
  /** The deletes held now go through at the next flush, whatever the guard says. */
  approve(): void;
  /** Until the store has answered; no object may be put there meanwhile. */
  isOnTheWay(path: Buffer): boolean;
  readonly waiting: number;
  /** Why they wait; empty when they do not. */
  readonly held: string;
}

const NOTE = 'delete-window/';
/** Both halves of a rename are seen well within it. */
const GRACE_MS = 1_000;
/** Under steady work the new names of a rename may still wait; their objects are then uploaded anew. */
const LONGEST_MS = 30_000;
const NOBODY_REMOVED =
  'nobody has removed them: a file system in the folder is not mounted, or a power cut has taken their names';
/** What is held is judged again that often: renames may have been completed, files may be back. */
const HELD_AGAIN_MS = 60_000;

/**
 * @param unsure why nothing may be concluded from an absent file now; `undefined` when all is well
 * @param devices of the folder itself, as `ClaimedFolder` knows them
 */
export function createDeletions(
  context: FileContext,
  unsure: () => string | undefined,
  devices: ReadonlySet<bigint>,
): Deletions {
  const { folder, settings, index, log } = context;
  const pending = new Set<string>();
  const approved = new Set<string>();
  const onTheWay = new Set<string>();
  let held = '';
  let firstMs = 0;
  let lastMs = 0;
  let judgedMs = 0;
  let news = false;

  /** Whether nothing may be deleted now; says why, once. */
  function isInDoubt(): boolean {
    const doubt = unsure();
    if (doubt === undefined) return false;
    if (held !== doubt) log.warn(`no deletes: ${doubt}`, { key: folder.path, waiting: pending.size });
    held = doubt;
    return true;
  }

  /** Those that are still gone, apart from renames, whose content has another key now. */
  function sort(): { gone: IndexRow[]; moved: IndexRow[]; away: IndexRow[]; failures: number } {
    const [gone, moved, away]: [IndexRow[], IndexRow[], IndexRow[]] = [[], [], []];
    let failures = 0;
    for (const name of pending) {
      const path = Buffer.from(name, 'latin1');
      const row = index.get(folder.name, path);
      try {
        if (row === undefined || !mayHaveObject(context, row) || isFile(context, path)) {
          pending.delete(name);
          approved.delete(name);
        } else {
          const isMeant = approved.has(name) || hasTwin(context, row);
          (isMeant ? moved : isUnexplained(context, devices, row) ? away : gone).push(row);
        }
      } catch (error) {
        failures += failed(row, error);
      }
    }
    return { gone, moved, away, failures };
  }

  /** It stays, and its row says why. Answers that it is one failure. */
  function failed(row: IndexRow | undefined, error: unknown): 1 {
    if (row === undefined || !(error instanceof SyncError)) throw error;
    log.warn(error.message, { folder: folder.name, hint: error.hint });
    index.put({ ...row, state: 'waiting', attempts: row.attempts + 1, lastError: error.message });
    context.metrics.done(folder.name, 'failed');
    return 1;
  }

  function hold(rows: readonly IndexRow[], reason: string): void {
    for (const row of rows) {
      if (row.state !== 'held') index.put({ ...row, state: 'held', lastError: reason });
    }
    if (held !== reason) {
      log.warn(`held: ${rows.length} deletes wait for approval: ${reason}`, {
        key: folder.path,
        folder: folder.name,
        hint: `If they are meant: sluice-agent approve-deletes --folder ${folder.name}`,
      });
    }
    held = reason;
  }

  async function carryOut(rows: readonly IndexRow[]): Promise<number> {
    let failures = 0;
    await inParallel(rows, settings.limits.concurrency, async (row) => {
      if (context.stopping.aborted || isInDoubt()) return;
      const name = row.path.toString('latin1');
      onTheWay.add(name);
      try {
        await deleteObject(context, row);
      } catch (error) {
        failures += failed(row, error);
        return;
      } finally {
        onTheWay.delete(name);
      }
      pending.delete(name);
      approved.delete(name);
    });
    return failures;
  }

  return {
    add(path) {
      const name = path.toString('latin1');
      if (pending.has(name)) return;
      pending.add(name);
      lastMs = performance.now();
      if (!news) firstMs = lastMs;
      news = true;
    },
    due(queued) {
      const nowMs = performance.now();
      if (!news) return pending.size > 0 && nowMs - judgedMs > HELD_AGAIN_MS;
      return nowMs - lastMs > GRACE_MS && (queued === 0 || nowMs - firstMs > LONGEST_MS);
    },
    async flush() {
      news = false;
      judgedMs = performance.now();
      if (pending.size === 0) {
        held = '';
        return 0;
      }
      if (isInDoubt()) return 0;
      const { gone, moved, away, failures: unseen } = sort();
      let failures = unseen + (await carryOut(moved));
      const { synced, held: heldRows } = index.counts(folder.name);
      const decision = guardDeletes(folder.guard, readWindow(context), {
        pending: gone.length,
        known: synced + heldRows,
        nowMs: Date.now(),
      });
      if (!decision.allowed) {
        hold(gone, decision.reason);
        return failures;
      }
      if (away.length === 0) held = '';
      else hold(away, NOBODY_REMOVED);
      if (gone.length === 0) return failures;
      index.setNote(NOTE + folder.name, JSON.stringify(decision.window));
      failures += await carryOut(gone);
      const undone = gone.filter(({ path }) => pending.has(path.toString('latin1'))).length;
      const { window } = decision;
      if (undone > 0) {
        const text = JSON.stringify({ ...window, deleted: window.deleted - undone });
        index.setNote(NOTE + folder.name, text);
      }
      return failures;
    },
    approve() {
      for (const name of pending) approved.add(name);
      news = pending.size > 0;
      // What was approved is one decision; what comes later is judged by itself.
      index.setNote(NOTE + folder.name, undefined);
    },
    isOnTheWay: (path) => onTheWay.has(path.toString('latin1')),
    get waiting() {
      return pending.size;
    },
    get held() {
      return held;
    },
  };
}

/** Only the state that we put there is deleted; what somebody else made of the object stays. */
async function deleteObject(context: FileContext, row: IndexRow): Promise<void> {
  const { folder, index, log, metrics } = context;
  if (isFile(context, row.path)) return;
  const key = fileKey(folder.prefix, decodeName(row.path), printableName(row.path));
  const answer = await deleteOurs(context, row, key);
  index.remove(folder.name, row.path);
  deletedSent(context, row.path);
  if (answer === 'changed') {
    log.warn('kept in the bucket: somebody else has changed the object', { key });
    metrics.done(folder.name, 'skipped');
    return;
  }
  log.info('deleted', { key });
  metrics.done(folder.name, 'deleted');
  context.onChanged(key);
}

/** Another file of the folder has the same inode and the same verified content: this name was renamed to that. */
function hasTwin({ folder, index, root }: FileContext, row: IndexRow): boolean {
  return index
    .byInode(folder.name, row.dev, row.ino)
    .some(
      (other) =>
        !other.path.equals(row.path) &&
        other.state === 'synced' &&
        other.sizeBytes === row.sizeBytes &&
        (other.md5 === '' ? other.etag === row.etag : other.md5 === row.md5) &&
        isFile({ root, folder }, other.path),
    );
}

function readWindow({ folder, index }: FileContext): GuardWindow | undefined {
  const text = index.note(NOTE + folder.name);
  return text === undefined ? undefined : (JSON.parse(text) as GuardWindow);
}
