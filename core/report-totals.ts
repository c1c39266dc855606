/** What a full state adds up to: objects and bytes, and how far each destination and the file manager are. */
import type { LedgerEntry } from './ledger-entry.ts';
import { type CopyState, copyState } from './report.ts';

/** Of the present objects and the tombstones that somebody was told of. */
export interface CopyTotals {
  current: number;
  /** An earlier state is there, or what the hub has deleted. */
  behind: number;
  /** The object is in the hub, and not there. */
  gone: number;
  /** The object is in the hub, and nobody has told what is there. */
  untold: number;
  /** When the oldest change was made that is not there yet; 0 when all are. */
  oldestBehindMs: number;
}

export interface LedgerTotals {
  objects: number;
  bytes: number;
  tombstones: number;
  delivered: CopyTotals;
  destinations: Record<string, CopyTotals>;
}

const FIELD = { current: 'current', behind: 'behind', gone: 'gone', '': 'untold' } as const;

export function noTotals(destinations: readonly string[]): LedgerTotals {
  const none = (): CopyTotals => ({ current: 0, behind: 0, gone: 0, untold: 0, oldestBehindMs: 0 });
  return {
    objects: 0,
    bytes: 0,
    tombstones: 0,
    delivered: none(),
    destinations: Object.fromEntries(destinations.map((name) => [name, none()])),
  };
}

/** Adds one entry to the totals. */
export function count(totals: LedgerTotals, entry: LedgerEntry): void {
  if (entry.state === 'present') {
    totals.objects++;
    totals.bytes += entry.sizeBytes;
  }
  if (entry.state === 'deleted') totals.tombstones++;
  countCopy(totals.delivered, entry, copyState(entry, entry.delivery?.etag));
  for (const [name, copies] of Object.entries(totals.destinations)) {
    countCopy(copies, entry, copyState(entry, entry.mirrors[name]?.sourceEtag));
  }
}

function countCopy(copies: CopyTotals, entry: LedgerEntry, state: CopyState): void {
  // What is deleted is right where it is gone, and where it never was.
  if (entry.state !== 'present' && state !== 'behind') return;
  copies[FIELD[state]]++;
  if (state === 'current') return;
  const { oldestBehindMs } = copies;
  copies.oldestBehindMs =
    oldestBehindMs === 0 ? entry.eventTimeMs : Math.min(oldestBehindMs, entry.eventTimeMs);
}
