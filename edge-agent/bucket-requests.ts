/** What the command line asks of mirrored buckets, beside an agent that may be running. */
import { openBucketsDb } from '#adapters/host/buckets-db.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import type { BucketSettings } from '#core/settings/agent-buckets.ts';
import { bucketsFile } from './bucket-live.ts';
import { laneName } from './bucket-view.ts';

/** @throws SyncError `IndexAbsent` when the agent has never run */
export function retryBuckets(settings: HostSettings, buckets: readonly BucketSettings[]): void {
  withDb(settings, (db) => {
    for (const { name, destinations } of buckets) {
      for (const destination of destinations) {
        const { waiting, parked } = db.tasks(name, destination.name).counts();
        process.stdout.write(
          `${laneName(name, destination.name)}: ${waiting} waiting, ${parked} parked, tried and compared as soon as the agent runs\n`,
        );
      }
      db.request('retry', name);
    }
  });
}

/** @throws SyncError `IndexAbsent` when the agent has never run */
export function approveBucket(settings: HostSettings, bucket: string): void {
  withDb(settings, (db) => {
    const { destinations = [] } = settings.buckets.find(({ name }) => name === bucket) ?? {};
    for (const destination of destinations) {
      const { held } = db.tasks(bucket, `${destination.name}/held`).counts();
      const what = held > 0 ? 'approved' : 'nothing to approve';
      process.stdout.write(`${laneName(bucket, destination.name)}: ${held} deletes held, ${what}\n`);
      if (held > 0) db.request('approve-deletes', bucket);
    }
  });
}

function withDb(settings: HostSettings, action: (db: ReturnType<typeof openBucketsDb>) => void): void {
  const db = openBucketsDb(bucketsFile(settings), { beside: true });
  try {
    action(db);
  } finally {
    db.close();
  }
}
