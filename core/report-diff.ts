/** The rows of a diff: what changed since the last run, one row a key, and back again. */
import { rowReader, safeCells, stateOf } from './cells.ts';
import { CHANGE_KINDS, type ChangeKind, type KeyChange, kindOf } from './change-fold.ts';
import type { LedgerImage } from './journal.ts';
import { type ObjectKey, objectKey } from './key.ts';

export const DIFF_COLUMNS = [
  'change',
  'key',
  'state',
  'size_before',
  'size_after',
  'etag_before',
  'etag_after',
  'version_before',
  'version_after',
  'permissions_before',
  'permissions_after',
  'revision',
  'changed_at',
] as const;

/** @param isoTime formats milliseconds since 1970 as ISO 8601. */
export function diffRow(change: KeyChange, isoTime: (ms: number) => string): string[] {
  const { key, before, after } = change;
  const cell = (image: LedgerImage | undefined, field: 'etag' | 'versionId' | 'permissions' | 'sizeBytes') =>
    image === undefined || image.state === 'unknown' ? '' : String(image[field]);
  return safeCells([
    kindOf(change),
    key,
    after.state,
    cell(before, 'sizeBytes'),
    cell(after, 'sizeBytes'),
    cell(before, 'etag'),
    cell(after, 'etag'),
    cell(before, 'versionId'),
    cell(after, 'versionId'),
    before?.permissions ?? '',
    after.permissions,
    String(after.revision),
    isoTime(after.eventTimeMs),
  ]);
}

/**
 * Answers what makes a diff's rows the states that they end with, given its header.
 *
 * @param timeMs reads what `isoTime` has formatted
 * @param name of the file, for errors
 */
export function diffReader(
  header: readonly string[],
  timeMs: (iso: string) => number,
  name: string,
): (cells: readonly string[]) => { key: ObjectKey; after: LedgerImage } {
  const read = rowReader(header, DIFF_COLUMNS, name);
  return (cells) => {
    const row = read(cells);
    return {
      key: objectKey(row('key')),
      after: {
        state: stateOf(row('state')),
        revision: Number(row('revision')),
        etag: row('etag_after'),
        versionId: row('version_after'),
        sizeBytes: Number(row('size_after')),
        permissions: row('permissions_after'),
        eventTimeMs: timeMs(row('changed_at')),
      },
    };
  };
}

/** How often each kind is among the changes. */
export type ChangeCounts = Record<ChangeKind, number>;

export function noChanges(): ChangeCounts {
  return Object.fromEntries(CHANGE_KINDS.map((kind) => [kind, 0])) as ChangeCounts;
}
