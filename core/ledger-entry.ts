/** One row of the ledger: what Sluice knows of one key. */
import type { ObjectKey } from './key.ts';

/** What a destination holds: the hub's ETag whose bytes were confirmed there, or that the object is gone. */
export interface MirrorRecord {
  /** The hub's ETag that was copied; empty when the object was deleted at the destination. */
  sourceEtag: string;
  atMs: number;
}

export interface LedgerEntry {
  key: ObjectKey;
  /** `unknown`: only a mirror has reported yet. `deleted`: a tombstone that keeps late events from reviving it. */
  state: 'unknown' | 'present' | 'deleted';
  /** Counts the writes of this row; 1 is the first. */
  revision: number;
  /** The newest event's sequencer as received; empty when HEAD decided. */
  sequencer: string;
  etag: string;
  versionId: string;
  sizeBytes: number;
  /** When the store says that it changed. */
  eventTimeMs: number;
  /** When a tombstone may be forgotten (DynamoDB TTL, seconds since 1970); absent while the object is there. */
  expiresAtSec?: number;
  mirrors: Readonly<Record<string, MirrorRecord>>;
}
