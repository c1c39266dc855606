/**
 * Whether the ledger is what the journal made of it: old state + changes = new state, key by key.
 *
 * A scan takes its time, and the ledger is written meanwhile: the row of a key may be of any moment between the scan's
 * beginning and its end. So it is held against two states, both from the old row and the changes told since: `least`,
 * with the changes that were told before the scan began, and `most`, with all that were told until long after it ended.
 * No row can be older than `least`, because its writes had ended, nor newer than `most`, because each write is told
 * within minutes. What lies between them by its revision was read in flight, and is no drift.
 *
 * A tombstone that was forgotten, one that stays too long and a key that was never heard of are one state: nothing.
 */
import { supersedes } from './change-fold.ts';
import type { LedgerImage } from './journal.ts';

export interface ExpectedStates {
  least: LedgerImage | undefined;
  most: LedgerImage | undefined;
}

export type DriftVerdict = { drift: string } | 'as expected' | 'in flight';

/**
 * | row against least and most | verdict                            |
 * | -------------------------- | ---------------------------------- |
 * | the same as most           | as expected                        |
 * | else newer than most       | drift: a change was not told       |
 * | the same as least          | as expected                        |
 * | between their revisions    | in flight                          |
 * | older than least, or none  | drift: a change was lost           |
 * | else                       | drift: other contents              |
 *
 * @param row `undefined`: the scan has not found the key
 */
export function judgeDrift({ least, most }: ExpectedStates, row: LedgerImage | undefined): DriftVerdict {
  if (isSame(row, most)) return 'as expected';
  const untold = row !== undefined && (most === undefined || supersedes(row, most));
  if (untold) return { drift: 'a change that the journal does not tell' };
  if (isSame(row, least)) return 'as expected';
  if (row === undefined || most === undefined) return { drift: 'the ledger has lost the row' };
  if (least !== undefined && supersedes(least, row)) return { drift: 'the ledger has lost a change' };
  const between = supersedes(most, row) && (least === undefined || supersedes(row, least));
  return between ? 'in flight' : { drift: 'other contents than the journal tells' };
}

/** The state after a change, told in any order. */
export function applied(current: LedgerImage | undefined, next: LedgerImage): LedgerImage {
  return current === undefined || supersedes(next, current) ? next : current;
}

function isSame(left: LedgerImage | undefined, right: LedgerImage | undefined): boolean {
  const [a, b] = [present(left), present(right)];
  if (a === undefined || b === undefined) return a === b;
  return (
    a.etag === b.etag &&
    a.versionId === b.versionId &&
    a.sizeBytes === b.sizeBytes &&
    a.permissions === b.permissions &&
    a.eventTimeMs === b.eventTimeMs
  );
}

function present(image: LedgerImage | undefined): LedgerImage | undefined {
  return image?.state === 'present' ? image : undefined;
}
