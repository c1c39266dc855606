/** Writes to the index, many to a commit: one by one, each would wait for the disk. */
import type { DatabaseSync } from 'node:sqlite';
import type { SyncError } from '#core/errors.ts';
import { indexError, isDamage, isPassing } from './index-error.ts';

export interface Batch {
  /** Runs at once; on disk within 50 ms, after 1,000 writes or after `flush`: at once when the last commit is that long ago. */
  write<T>(action: () => T): T;
  /** As `write`, on disk when it returns. */
  writeNow<T>(action: () => T): T;
  read<T>(action: () => T): T;
  flush(): void;
  /** Throws what a commit has failed with that nobody has heard of. */
  check(): void;
}

const BATCH_WRITES = 1000;
/** A commit waits for the disk, and everybody with it: twenty a second cost little. */
const BATCH_MS = 50;
/** Done again with each commit that fails: some tens of milliseconds, and a few megabytes. */
const MOST_OWED = 5000;

type Write = () => unknown;

export interface BatchOptions {
  /** Writes failed or were taken back: what was derived from them may be wrong. */
  onLost(): void;
  /** The file is damaged; the error is thrown as well. */
  onDamage(error: SyncError): void;
  /**
   * Whether a `write` that the disk has no room for is owed although it throws: this process reads as if it were done, and
   * does it again until it is on the disk, the newest thousands of them. For writes that say what is so, whatever was.
   */
  owes?: boolean;
}

export function createBatch(
  file: string,
  database: DatabaseSync,
  { onLost, onDamage, owes = false }: BatchOptions,
): Batch {
  let pending = 0;
  /** Of those pending, what is owed if they are taken back. */
  let done: Write[] = [];
  let owed: Write[] = [];
  /** Whether nobody has heard yet of a failure of what is pending. */
  let news = false;
  let planned: NodeJS.Timeout | undefined;
  let failure: SyncError | undefined;
  let committedMs = Number.NEGATIVE_INFINITY;

  function heard(instead: () => void = () => undefined): void {
    if (failure === undefined) return;
    const earlier = failure;
    failure = undefined;
    instead();
    throw earlier;
  }

  function guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const failed = indexError(file, error);
      if (isDamage(error)) onDamage(failed);
      throw failed;
    }
  }

  /** A full disk may have ended the transaction already; what is left of it must not swallow later writes. */
  function giveUp(error: unknown): void {
    owed = isPassing(error) ? [...done, ...owed].slice(-MOST_OWED) : [];
    done = [];
    pending = 0;
    if (planned !== undefined) clearTimeout(planned);
    planned = undefined;
    if (database.isTransaction) database.exec('ROLLBACK');
    onLost();
  }

  function owe(action: Write): void {
    if (!owes) return;
    // What is pending comes before it, and with it when that is taken back.
    if (pending > 0) run(action, true);
    else owed = [...owed, action].slice(-MOST_OWED);
  }

  /** What is owed comes first, so that what is newer stands. */
  function begin(): void {
    if (pending > 0) return;
    database.exec('BEGIN IMMEDIATE');
    for (const action of owed) action();
    pending = owed.length;
    [done, owed] = [owed, []];
  }

  function run<T>(action: () => T, mayBeOwed: boolean): T {
    try {
      begin();
      const result = action();
      pending++;
      news = true;
      if (mayBeOwed) done.push(action);
      return result;
    } catch (error) {
      const isOwed = mayBeOwed && isPassing(error);
      if (isOwed || pending === 0 || !database.isTransaction) giveUp(error);
      else onLost();
      if (isOwed) owe(action);
      throw error;
    }
  }

  function payOwed(): void {
    if (owed.length === 0) return;
    try {
      begin();
    } catch (error) {
      giveUp(error);
      throw error;
    }
  }

  function plan(): void {
    planned ??= setTimeout(commitLater, Math.max(0, committedMs + BATCH_MS - performance.now()));
  }

  function commit(): void {
    if (planned !== undefined) clearTimeout(planned);
    planned = undefined;
    if (pending === 0) return;
    pending = 0;
    news = false;
    committedMs = performance.now();
    try {
      database.exec('COMMIT');
    } catch (error) {
      giveUp(error);
      throw error;
    }
    done = [];
  }

  /** Nobody is there to catch it, so the next call throws it. */
  function commitLater(): void {
    planned = undefined;
    const told = !news;
    try {
      commit();
    } catch (error) {
      if (!told || !isPassing(error)) failure = indexError(file, error);
    }
  }

  return {
    write(action) {
      heard(() => owe(action));
      return guarded(() => {
        const result = run(action, owes);
        if (pending >= BATCH_WRITES) commit();
        else plan();
        return result;
      });
    },
    writeNow(action) {
      heard();
      return guarded(() => {
        const result = run(action, false);
        commit();
        return result;
      });
    },
    read(action) {
      // What is owed is read as if it were done: whoever reads need not hear of it.
      if (!owes) heard();
      return guarded(() => {
        if (owed.length > 0) {
          payOwed();
          plan();
        }
        return action();
      });
    },
    flush() {
      heard();
      guarded(() => {
        payOwed();
        commit();
      });
    },
    check: () => heard(),
  };
}
