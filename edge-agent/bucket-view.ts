/** A mirrored bucket as it is shown: one view for each of its destinations. */
import type { ReconcileResult } from '#core/controls.ts';
import type { BucketDestination, BucketSettings, HostPlace } from '#core/settings/agent-buckets.ts';

export interface BucketView {
  /** Of the bucket. */
  name: string;
  /** Of the destination. */
  destination: string;
  /** `http://minio:9000/relics/prefix` */
  source: string;
  target: string;
  /** `unavailable`: source or destination cannot be compared. `held`: deletes wait for approval. */
  state: 'starting' | 'comparing' | 'waiting' | 'paused' | 'unavailable' | 'held' | 'stopped';
  /** Why, when `unavailable` or `held`. */
  reason: string;
  /** How changes are noticed: `notifications`, or `interval` alone. */
  noticed: 'notifications' | 'interval';
  /** Keys to look at, those in flight included. */
  queued: number;
  /** Objects that failed and are tried again. */
  waiting: number;
  /** Objects that failed for good, until the next comparison or `sluice-agent retry`. */
  parked: number;
  heldDeletes: number;
  /** Absent before the first. */
  lastComparison?: ReconcileResult;
  /** The end of the last comparison that saw both sides whole. */
  lastSuccessMs?: number;
  /** Comparisons since the start, by how they ended. */
  succeeded: number;
  failed: number;
}

/** As the folder's `needsSomebody`: it does not heal by waiting. */
export function bucketNeedsSomebody({ state, parked }: Pick<BucketView, 'state' | 'parked'>): boolean {
  return state === 'unavailable' || state === 'held' || state === 'stopped' || parked > 0;
}

/** What a lane is called in metrics and logs. */
export function laneName(bucket: string, destination: string): string {
  return `${bucket}/${destination}`;
}

/** Whether the name is one that `laneName` made; folders cannot have it. */
export function isLane(name: string): boolean {
  return name.includes('/');
}

export function placesOf(
  bucket: BucketSettings,
  destination: BucketDestination,
): { source: string; target: string } {
  return {
    source: placeText(bucket.source, bucket.prefix),
    target: placeText(destination, destination.prefix),
  };
}

function placeText({ endpoint, region, bucket }: HostPlace, prefix: string): string {
  return `${endpoint ?? `https://s3.${region}.amazonaws.com`}/${bucket}/${prefix}`;
}
