/** What the mirrored buckets touch, made from the settings: stores, credentials, the ledger. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { withExactKeys } from '#adapters/exact-keys.ts';
import { type BucketsDb, openBucketsDb } from '#adapters/host/buckets-db.ts';
import type { HostLedger } from '#adapters/host/ledger-sqlite.ts';
import { lockFolder } from '#adapters/host/lock.ts';
import { agentCredentials } from '#adapters/s3/agent-credentials.ts';
import { createBandwidth } from '#adapters/s3/bandwidth.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import type { WireOptions } from '#adapters/s3/wire.ts';
import { createTagReader } from '#adapters/source-tags.ts';
import { CONTROL, readControl, reconcileState } from '#core/controls.ts';
import type { SyncError } from '#core/errors.ts';
import { isMd5 } from '#core/mirror-plan.ts';
import type { Ledger } from '#core/ports.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import type { BucketDestination, BucketSettings, HostPlace } from '#core/settings/agent-buckets.ts';
import { quirksOf, type StoreType } from '#core/store-type.ts';
import type { RunnerContext } from './bucket-runner.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { makeStateDirectory } from './state-directory.ts';

/** Of streamed copies, over all buckets; a larger object than this travels in parts or alone. */
const BUDGET_BYTES = 128 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 120_000;

export interface LiveBucket {
  bucket: BucketSettings;
  /** How the source is reached, to listen to it. */
  wire: WireOptions;
  lanes: RunnerContext[];
}

export interface LiveBuckets {
  buckets: LiveBucket[];
  db: BucketsDb;
  close(): Promise<void>;
}

export function bucketsFile({ stateDirectory }: Pick<HostSettings, 'stateDirectory'>): string {
  return `${stateDirectory}/buckets.db`;
}

/**
 * @param onDamage nothing more can be noted, the process must end
 * @throws SyncError `Locked` when another agent has the state directory
 */
export async function liveBuckets(
  settings: HostSettings,
  { log, metrics, onDamage }: { log: Log; metrics: Metrics; onDamage: (error: SyncError) => void },
): Promise<LiveBuckets> {
  makeStateDirectory(settings);
  const unlock = lockFolder(`${bucketsFile(settings)}.lock`);
  const db = openBucketsDb(bucketsFile(settings), { onDamage });
  db.releaseUploads();
  const { limits } = settings;
  const bandwidth = limits.bandwidth === undefined ? undefined : createBandwidth(limits.bandwidth);
  const budget = createByteBudget(BUDGET_BYTES);
  const stores: S3Store[] = [];

  function storeAt(place: HostPlace, concurrency: number): S3Store {
    const store = createS3Store({
      ...wireOf(place, concurrency),
      ...(bandwidth === undefined ? {} : { bandwidth }),
      crc32: quirksOf(typeOf(place)).crc32,
    });
    stores.push(store);
    return store;
  }

  async function laneOf(
    bucket: BucketSettings,
    hub: S3Store,
    destination: BucketDestination,
  ): Promise<RunnerContext> {
    const controls = db.controls(bucket.name);
    const { value } = await readControl(controls, CONTROL.reconcile(destination.name), reconcileState);
    return {
      bucket,
      destination,
      ports: {
        hub,
        destination: withExactKeys(storeAt(destination, bucket.concurrency)),
        ledger: noting(db.ledger(bucket.name)),
        readTags: createTagReader(hub, quirksOf(typeOf(bucket.source)).tagCount),
        controls,
        guard: createDeleteGuard(controls, destination.name, destination.guard, Date.now),
        budget,
        nowMs: Date.now,
      },
      ledger: db.ledger(bucket.name),
      way: isOneStore(bucket.source, destination) ? 'server' : 'stream',
      tags: tagsTravel(bucket.source, destination),
      tasks: db.tasks(bucket.name, destination.name),
      plan: db.tasks(bucket.name, `${destination.name}/plan`),
      held: db.tasks(bucket.name, `${destination.name}/held`),
      last: value?.last,
      log,
      metrics,
      nowMs: Date.now,
      random: Math.random,
    };
  }

  const buckets: LiveBucket[] = [];
  for (const bucket of settings.buckets) {
    const hub = storeAt(bucket.source, bucket.concurrency * bucket.destinations.length);
    const lanes: RunnerContext[] = [];
    for (const destination of bucket.destinations) lanes.push(await laneOf(bucket, hub, destination));
    buckets.push({ bucket, wire: wireOf(bucket.source, 1), lanes });
  }
  return {
    buckets,
    db,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      db.close();
      unlock();
    },
  };
}

/** What the listings say by themselves is not noted: that both sides have one MD5 as their ETag. */
function noting({ recordMirror }: HostLedger): Pick<Ledger, 'recordMirror'> {
  return {
    recordMirror: async (key, destination, record) => {
      const isPlain = record.sourceEtag === record.targetEtag && isMd5(record.sourceEtag);
      if (!isPlain) await recordMirror(key, destination, record);
    },
  };
}

/** A store as `sluice-agent check` asks it. */
export function wireOf(place: HostPlace, connections: number): WireOptions {
  const { bucket, region, endpoint } = place;
  return {
    bucket,
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    addressing: place.addressing ?? quirksOf(typeOf(place)).addressing,
    credentials: agentCredentials(place),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    connections: Math.max(4, connections),
  };
}

function typeOf({ type, endpoint }: HostPlace): StoreType {
  return type ?? (endpoint === undefined ? 'aws' : 'other');
}

/** Whether the store itself can copy from one to the other: the same service, asked with the same credentials. */
function isOneStore(left: HostPlace, right: HostPlace): boolean {
  const credentialsOf = ({ credentials, profile }: HostPlace) => JSON.stringify({ credentials, profile });
  return (
    left.endpoint === right.endpoint &&
    left.region === right.region &&
    credentialsOf(left) === credentialsOf(right)
  );
}

function tagsTravel(source: HostPlace, destination: BucketDestination): boolean {
  if (destination.tags !== 'auto') return destination.tags;
  return quirksOf(typeOf(source)).tags && quirksOf(typeOf(destination)).tags;
}
