/** What the command line asks of mirrored buckets, beside an agent that may be running. */
import { openBucketsDb } from '#adapters/host/buckets-db.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import type { BucketSettings } from '#core/settings/agent-buckets.ts';
import { bucketsFile } from './bucket-live.ts';
import { laneName } from './bucket-view.ts';
import type { Requested } from './folder-commands.ts';

/** @throws SyncError `IndexAbsent` when the agent has never run */
export function retryBuckets(settings: HostSettings, buckets: readonly BucketSettings[]): Requested[] {
  return withDb(settings, (db) =>
    buckets.flatMap(({ name, destinations }) => {
      db.request('retry', name);
      return destinations.map((destination) => {
        const { waiting, parked } = db.tasks(name, destination.name).counts();
        return { name: laneName(name, destination.name), waiting, parked };
      });
    }),
  );
}

/** @throws SyncError `IndexAbsent` when the agent has never run */
export function approveBucket(settings: HostSettings, bucket: string): Requested[] {
  const { destinations = [] } = settings.buckets.find(({ name }) => name === bucket) ?? {};
  return withDb(settings, (db) =>
    destinations.map((destination) => {
      const { held } = db.tasks(bucket, `${destination.name}/held`).counts();
      if (held > 0) db.request('approve-deletes', bucket);
      return { name: laneName(bucket, destination.name), heldDeletes: held, approved: held > 0 };
    }),
  );
}

function withDb<Answer>(
  settings: HostSettings,
  action: (db: ReturnType<typeof openBucketsDb>) => Answer,
): Answer {
  const db = openBucketsDb(bucketsFile(settings), { beside: true });
  try {
    return action(db);
  } finally {
    db.close();
  }
}
