/** `buckets.db` in the state directory: what the agent knows of the buckets that it mirrors. WAL, synchronous=FULL. */
import type { SyncError } from '#core/errors.ts';
import type { Controls } from '#core/ports.ts';
import { type BucketTasks, bucketTasks } from './bucket-tasks.ts';
import { noteDamage, openBucketsBeside, openBucketsFile } from './buckets-file.ts';
import { createBatch } from './index-batch.ts';
import type { Damage } from './index-error.ts';
import { type HostLedger, sqliteControls, sqliteLedger } from './ledger-sqlite.ts';

interface BucketRequest {
  kind: 'retry' | 'approve-deletes';
  bucket: string;
}

/** Every method throws `SyncError` (op `index`) when the database fails; after `IndexCorrupt` the process must start anew. */
export interface BucketsDb {
  /** Set when the file was damaged, moved aside and begun afresh: what to log. */
  readonly quarantined: SyncError | undefined;
  ledger(bucket: string): HostLedger;
  controls(bucket: string): Controls;
  tasks(bucket: string, destination: string): BucketTasks;
  /** No copy is in work: what an agent that ended without a word had in hand is free. */
  releaseUploads(): void;
  /** From the command line to the agent that runs; on disk when it returns. */
  request(kind: BucketRequest['kind'], bucket: string): void;
  /** Each request once, the oldest first. */
  takeRequests(): BucketRequest[];
  /** Throws when the file cannot be read. */
  alive(): void;
  flush(): void;
  close(): void;
}

/**
 * @param options.beside for the command line, while an agent may run: nothing is created, checked or moved aside;
 *   `IndexAbsent` when the agent has yet to make it
 * @param options.onDamage called when it is found damaged while it is open
 */
export function openBucketsDb(
  file: string,
  { beside = false, onDamage = () => {} }: { beside?: boolean; onDamage?: (error: SyncError) => void } = {},
): BucketsDb {
  const { database, quarantined } = beside
    ? { database: openBucketsBeside(file), quarantined: undefined }
    : openBucketsFile(file);
  const batch = createBatch(file, database, { onLost: () => {}, onDamage });
  const insert = database.prepare('INSERT INTO requests (kind, bucket) VALUES (?, ?)');
  const select = database.prepare('SELECT id, kind, bucket FROM requests ORDER BY id');
  const remove = database.prepare('DELETE FROM requests WHERE id <= ?');
  const release = database.prepare(
    "UPDATE controls SET json = json_set(json, '$.busyUntilMs', 0) WHERE name LIKE 'upload-%'",
  );

  /** Noted, so that the next start puts the file aside. */
  function spoilt(error: Damage): never {
    if (!beside) batch.writeNow(() => noteDamage(database, error.message));
    return batch.read(() => {
      throw error;
    });
  }

  return {
    quarantined,
    ledger: (bucket) => sqliteLedger(database, batch, bucket, spoilt),
    controls: (bucket) => sqliteControls(database, batch, bucket, spoilt),
    tasks: (bucket, destination) => bucketTasks(database, batch, bucket, destination),
    releaseUploads: () => batch.writeNow(() => void release.run()),
    request: (kind, bucket) => batch.writeNow(() => void insert.run(kind, bucket)),
    takeRequests() {
      const found = batch.read(() => select.all());
      const last = found.at(-1);
      if (last !== undefined) batch.writeNow(() => void remove.run(last.id as number));
      return found.map(({ kind, bucket }) => ({ kind, bucket }) as unknown as BucketRequest);
    },
    alive: () => void batch.read(() => select.all()),
    flush: () => batch.flush(),
    close() {
      try {
        batch.flush();
      } finally {
        database.close();
      }
    },
  };
}
