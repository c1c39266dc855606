/** One row of the ledger: what Sluice knows of one key. */
import type { ObjectKey } from './key.ts';

/** As a mirror record's ETag: a comparison has seen something else at the destination, or nothing. */
export const ANOTHER_STATE = '?';

/** What a destination holds: the hub's ETag whose bytes were confirmed there, or that the object is gone. */
export interface MirrorRecord {
  /** The hub's ETag that was copied; empty when the object was deleted at the destination; or `ANOTHER_STATE`. */
  sourceEtag: string;
  /** The destination's own ETag of that copy; what it lists under another one was changed there. */
  targetEtag?: string;
  atMs: number;
}

/** What the file manager was last told of a key and has confirmed. */
export interface DeliveryRecord {
  /** The hub's ETag whose bytes it has; empty when it has none; `?` when a call is under way or was cut off. */
  etag: string;
  /** The permissions it was told, as canonical JSON; empty when none. */
  permissions: string;
  atMs: number;
}

/** Told by a customer's event; an object that has none of these has what its metadata says. */
export interface Permissions {
  /** Canonical JSON of an object. */
  json: string;
  /** When the event says that they were changed; an older event does not replace them. */
  atMs: number;
}

export interface LedgerEntry {
  key: ObjectKey;
  /** `unknown`: only a mirror has reported yet. `deleted`: a tombstone that keeps late events from reviving it. */
  state: 'unknown' | 'present' | 'deleted';
  /** Counts the writes of this row; 1 is the first. */
  revision: number;
  /** The newest event's sequencer as received; empty when HEAD decided, `?` when it has to for all that comes. */
  sequencer: string;
  etag: string;
  versionId: string;
  sizeBytes: number;
  /** When the store says that it changed. */
  eventTimeMs: number;
  /** When a tombstone may be forgotten (DynamoDB TTL, seconds since 1970); absent while the object is there. */
  expiresAtSec?: number;
  permissions?: Permissions;
  /** Written beside the entry, as the mirror records are. */
  delivery?: DeliveryRecord;
  mirrors: Readonly<Record<string, MirrorRecord>>;
}
