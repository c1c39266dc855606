/** Writes to the index, many to a commit: one by one, each would wait for the disk. */
import type { DatabaseSync } from 'node:sqlite';
import type { SyncError } from '#core/errors.ts';
import { indexError, isDamage } from './index-error.ts';

export interface Batch {
  /** Runs at once; on disk within 50 ms, after 1,000 writes or after `flush`: at once when the last commit is that long ago. */
  write<T>(action: () => T): T;
  /** As `write`, on disk when it returns. */
  writeNow<T>(action: () => T): T;
  read<T>(action: () => T): T;
  flush(): void;
}

const BATCH_WRITES = 1000;
/** A commit waits for the disk, and everybody with it: twenty a second cost little. */
const BATCH_MS = 50;

export interface BatchEvents {
  /** Writes failed or were taken back: what was derived from them may be wrong. */
  onLost(): void;
  /** The file is damaged; the error is thrown as well. */
  onDamage(error: SyncError): void;
}

export function createBatch(file: string, database: DatabaseSync, { onLost, onDamage }: BatchEvents): Batch {
  let pending = 0;
  let planned: NodeJS.Timeout | undefined;
  let failure: SyncError | undefined;
  let committedMs = Number.NEGATIVE_INFINITY;

  function guarded<T>(action: () => T): T {
    if (failure !== undefined) {
      const earlier = failure;
      failure = undefined;
      throw earlier;
    }
    try {
      return action();
    } catch (error) {
      const failed = indexError(file, error);
      if (isDamage(error)) onDamage(failed);
      throw failed;
    }
  }

  /** A full disk may have ended the transaction already; what is left of it must not swallow later writes. */
  function giveUp(): void {
    pending = 0;
    if (planned !== undefined) clearTimeout(planned);
    planned = undefined;
    if (database.isTransaction) database.exec('ROLLBACK');
    onLost();
  }

  function run<T>(action: () => T): T {
    try {
      if (pending === 0) database.exec('BEGIN IMMEDIATE');
      const result = action();
      pending++;
      return result;
    } catch (error) {
      if (pending === 0 || !database.isTransaction) giveUp();
      else onLost();
      throw error;
    }
  }

  function commit(): void {
    if (planned !== undefined) clearTimeout(planned);
    planned = undefined;
    if (pending === 0) return;
    pending = 0;
    committedMs = performance.now();
    try {
      database.exec('COMMIT');
    } catch (error) {
      giveUp();
      throw error;
    }
  }

  /** Nobody is there to catch it, so the next call throws it. */
  function commitLater(): void {
    planned = undefined;
    try {
      commit();
    } catch (error) {
      failure = indexError(file, error);
    }
  }

  return {
    write: (action) =>
      guarded(() => {
        const result = run(action);
        if (pending >= BATCH_WRITES) commit();
        else planned ??= setTimeout(commitLater, Math.max(0, committedMs + BATCH_MS - performance.now()));
        return result;
      }),
    writeNow: (action) =>
      guarded(() => {
        const result = run(action);
        commit();
        return result;
      }),
    read: guarded,
    flush: () => guarded(commit),
  };
}
