/** What a stretch of the change journal did to each key, whatever the order and the number in which its lines come. */
import type { LedgerChange, LedgerImage } from './journal.ts';
import type { ObjectKey } from './key.ts';
import { TOMBSTONE_SEC } from './replay.ts';
import { compareUtf8 } from './utf8.ts';

export interface KeyChange {
  key: ObjectKey;
  /** Before the first line; absent: the ledger had no row. */
  before?: LedgerImage;
  after: LedgerImage;
}

export const CHANGE_KINDS = ['created', 'modified', 'deleted', 'permissions', 'restated'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface ChangeFold {
  add(line: LedgerChange): void;
  /** Keys so far. */
  readonly size: number;
  /** In key order (UTF-8 bytes). */
  sorted(): KeyChange[];
}

const TOMBSTONE_MS = TOMBSTONE_SEC * 1000;

/** Holds the first and the last line of each key: those with the lowest and the highest revision. */
export function createChangeFold(): ChangeFold {
  const keys = new Map<ObjectKey, { first: LedgerChange; last: LedgerChange }>();
  return {
    add(line) {
      const known = keys.get(line.key);
      if (known === undefined) {
        keys.set(line.key, { first: line, last: line });
        return;
      }
      if (isEarlier(line, known.first)) known.first = line;
      if (isLater(line, known.last)) known.last = line;
    },
    get size() {
      return keys.size;
    },
    sorted: () =>
      [...keys]
        .sort(([left], [right]) => compareUtf8(left, right))
        .map(([key, { first, last }]) => ({
          key,
          ...(first.before === undefined ? {} : { before: first.before }),
          after: last.after,
        })),
  };
}

/**
 * Whether that state of a key came after this one: the higher revision did. Where a tombstone was forgotten in between,
 * revisions began again at 1; it is known by its age, which no other state of the key comes near.
 */
export function supersedes(next: LedgerImage, current: LedgerImage): boolean {
  const apartMs = next.eventTimeMs - current.eventTimeMs;
  if (current.state === 'deleted' && apartMs >= TOMBSTONE_MS) return true;
  if (next.state === 'deleted' && -apartMs >= TOMBSTONE_MS) return false;
  return next.revision > current.revision;
}

/**
 * `permissions`: nothing else changed. `restated`: the journal tells the state again as it was, because the line of the
 * change itself may have been lost. What was created and deleted since is `deleted`: nothing is left untold.
 */
export function kindOf({ before, after }: Pick<KeyChange, 'before' | 'after'>): ChangeKind {
  const same = (names: readonly (keyof LedgerImage)[]) =>
    before !== undefined && names.every((name) => before[name] === after[name]);
  if (same(['revision', 'permissions', ...REST])) return 'restated';
  if (after.state === 'deleted' && before?.state !== 'deleted') return 'deleted';
  if (after.state === 'present' && before?.state !== 'present') return 'created';
  const onlyPermissions = before?.permissions !== after.permissions && same(REST);
  if (onlyPermissions || (before === undefined && after.state === 'unknown')) return 'permissions';
  return after.state === 'deleted' ? 'deleted' : 'modified';
}

const REST = ['state', 'etag', 'versionId', 'sizeBytes', 'eventTimeMs'] as const;

/** Two lines of one revision are one write told twice, or a repair of the first: the later one counts. */
function isLater(next: LedgerChange, current: LedgerChange): boolean {
  if (supersedes(next.after, current.after)) return true;
  return !supersedes(current.after, next.after) && next.atMs > current.atMs;
}

/** Of two lines of one revision the repair goes back further: to what was told last. */
function isEarlier(line: LedgerChange, current: LedgerChange): boolean {
  if (supersedes(current.after, line.after)) return true;
  if (supersedes(line.after, current.after) || current.before === undefined) return false;
  return line.before === undefined || supersedes(current.before, line.before);
}
