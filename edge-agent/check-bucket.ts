/** What the agent needs of the stores of its mirrored buckets, tried on objects of a few bytes. */
import { randomUUID } from 'node:crypto';
import { createS3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { PROBE_NAME } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { BucketDestination, BucketSettings, HostPlace } from '#core/settings/agent-buckets.ts';
import { wireOf } from './bucket-live.ts';
import { laneName } from './bucket-view.ts';
import { type Check, checkFailure, type Note } from './check-list.ts';

const BODY = new TextEncoder().encode('sluice');

export function bucketChecks(buckets: readonly BucketSettings[]): Check[] {
  return buckets.flatMap((bucket) => [
    {
      name: `source of ${bucket.name}, bucket ${bucket.source.bucket}`,
      hint: 'Correct the source of the bucket, or the policy of its credentials.',
      run: () => withStore(bucket.source, (store) => checkSource(bucket, store)),
    },
    ...webhookCheck(bucket),
    ...bucket.destinations.map((destination) => ({
      name: `destination ${laneName(bucket.name, destination.name)}, bucket ${destination.bucket}`,
      hint: 'Correct the destination, or the policy of its credentials.',
      run: () => withStore(destination, (store) => checkDestination(bucket, destination, store)),
    })),
  ]);
}

function webhookCheck({ name, notifications }: BucketSettings): Check[] {
  if (typeof notifications !== 'object') return [];
  const { webhook, tokenVariable } = notifications;
  const hint = `Set ${tokenVariable} for the agent to the token that the store sends with its webhook.`;
  return [
    {
      name: `webhook of ${name}, ${webhook}`,
      hint,
      async run() {
        if ((process.env[tokenVariable] ?? '') !== '') return `its token is in ${tokenVariable}`;
        throw checkFailure(`the environment variable ${tokenVariable} is not set`, hint);
      },
    },
  ];
}

/** Needs s3:ListBucket and s3:GetObject. */
async function checkSource({ prefix }: BucketSettings, store: ObjectStore): Promise<string> {
  if (!(await store.bucketExists())) throw absent(store);
  for await (const { key } of store.list(prefix)) {
    await store.head(key);
    return 'exists, can be listed and read';
  }
  return 'exists and can be listed; it has no object to read';
}

/** Needs s3:ListBucket, s3:PutObject and, where deletes are mirrored, s3:DeleteObject. */
async function checkDestination(
  bucket: BucketSettings,
  { createBucket, deletes, prefix }: BucketDestination,
  store: ObjectStore,
): Promise<string | Note> {
  if (!(await store.bucketExists())) {
    if (createBucket) return 'does not exist, and is made by the first comparison';
    throw absent(store);
  }
  for await (const _ of store.list(prefix + bucket.prefix)) break;
  const key = objectKey(`${prefix}${bucket.prefix}${PROBE_NAME}${randomUUID()}`);
  await store.put(key, BODY, { metadata: {} });
  await store.head(key);
  try {
    await store.delete(key);
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'AccessDenied' || deletes) throw error;
    return {
      detail: 'list, write, read; delete is not allowed, and deletes are not mirrored',
      hint: `The probe ${key} stays in the bucket: have it removed.`,
    };
  }
  return 'list, write, read, delete';
}

async function withStore<Found>(
  place: HostPlace,
  use: (store: ObjectStore) => Promise<Found>,
): Promise<Found> {
  const store = createS3Store(wireOf(place, 1));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function absent({ bucket }: ObjectStore): SyncError {
  return checkFailure(
    `NoSuchBucket: the bucket ${bucket} does not exist`,
    'Create it, correct its name, or set createBucket: true for a destination.',
  );
}
