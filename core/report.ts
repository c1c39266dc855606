/** The state report: one row an entry of the ledger, safe to open in a spreadsheet. */
import { rowReader, spreadsheetText, stateOf } from './cells.ts';
import type { LedgerImage } from './journal.ts';
import { type ObjectKey, objectKey } from './key.ts';
import type { LedgerEntry } from './ledger-entry.ts';

export type CopyState = 'current' | 'behind' | 'gone' | '';

/** The header row. */
export function reportColumns(destinations: readonly string[]): string[] {
  return [
    'key',
    'state',
    'size_bytes',
    'etag',
    'version_id',
    'changed_at',
    'sequencer',
    'revision',
    'permissions',
    'delivered',
    ...destinations.map((name) => `mirrored_${name}`),
  ];
}

/**
 * The cells of one entry, as many as there are columns. `mirrored_…` and `delivered` say `current` (the destination, the
 * file manager, has what the hub has), `behind` (it has an earlier state), `gone` (it has none) or nothing (it has not told).
 *
 * @param isoTime formats milliseconds since 1970 as ISO 8601.
 */
export function reportRow(
  entry: LedgerEntry,
  destinations: readonly string[],
  isoTime: (ms: number) => string,
): string[] {
  const known = entry.state !== 'unknown';
  return [
    spreadsheetText(entry.key),
    entry.state,
    known ? String(entry.sizeBytes) : '',
    spreadsheetText(entry.etag),
    spreadsheetText(entry.versionId),
    known ? isoTime(entry.eventTimeMs) : '',
    spreadsheetText(entry.sequencer),
    String(entry.revision),
    spreadsheetText(entry.permissions?.json ?? ''),
    copyState(entry, entry.delivery?.etag),
    ...destinations.map((name) => copyState(entry, entry.mirrors[name]?.sourceEtag)),
  ];
}

/** @param held the hub's ETag whose bytes are there, `''` for none, `undefined` when nobody has told. */
export function copyState(entry: LedgerEntry, held: string | undefined): CopyState {
  if (held === undefined) return '';
  if (held === '') return 'gone';
  return entry.state === 'present' && held === entry.etag ? 'current' : 'behind';
}

const NEEDED = ['key', 'state', 'size_bytes', 'etag', 'version_id', 'changed_at', 'revision', 'permissions'];

/**
 * Answers what makes a report's rows images of the ledger again, given its header.
 *
 * @param timeMs reads what `isoTime` has formatted
 * @param name of the file, for errors
 */
export function reportReader(
  header: readonly string[],
  timeMs: (iso: string) => number,
  name: string,
): (cells: readonly string[]) => { key: ObjectKey; image: LedgerImage } {
  const read = rowReader(header, NEEDED, name);
  return (cells) => {
    const row = read(cells);
    const changedAt = row('changed_at');
    return {
      key: objectKey(row('key')),
      image: {
        state: stateOf(row('state')),
        revision: Number(row('revision')),
        etag: row('etag'),
        versionId: row('version_id'),
        sizeBytes: Number(row('size_bytes')),
        permissions: row('permissions'),
        eventTimeMs: changedAt === '' ? 0 : timeMs(changedAt),
      },
    };
  };
}
