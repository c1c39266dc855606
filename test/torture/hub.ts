/** The S3 server of a run, and what its buckets hold, read past whatever stands between it and the agent. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { isReserved } from '#core/names.ts';
import { digestOf } from './truth.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface Hub {
  endpoint: string;
  credentials: Credentials;
  newBucket(): Promise<Bucket>;
  close(): Promise<void>;
}

export interface Bucket {
  name: string;
  store: S3Store;
  put(key: string, content: Uint8Array): Promise<void>;
  /** Digest of every object below the prefix, under its key without it. */
  contents(prefix: string): Promise<Map<string, string>>;
  /** As `contents`, but every byte is read. */
  bytes(prefix: string): Promise<Map<string, string>>;
}

const REGION = 'us-east-1';
/** MinIO's ETag of an object that came whole is the MD5 of what it stored. */
const MD5 = /^[0-9a-f]{32}$/;

export function hubAt(endpoint: string, credentials: Credentials): Hub {
  const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials });
  const stores: S3Store[] = [];
  return {
    endpoint,
    credentials,
    async newBucket() {
      const name = `torture-${randomUUID()}`;
      await client.send(new CreateBucketCommand({ Bucket: name }));
      const versioning = { Bucket: name, VersioningConfiguration: { Status: 'Enabled' as const } };
      await client.send(new PutBucketVersioningCommand(versioning));
      const store = createS3Store({
        bucket: name,
        endpoint,
        region: REGION,
        addressing: 'path',
        credentials: fixedCredentials(credentials),
      });
      stores.push(store);
      return bucketOf(name, store);
    },
    async close() {
      client.destroy();
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

function bucketOf(name: string, store: S3Store): Bucket {
  async function contents(prefix: string, isDigest: (etag: string) => boolean): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for await (const { key, etag } of store.list(prefix)) {
      if (isReserved(key)) continue;
      const digest = isDigest(etag) ? etag : await readDigest(key);
      if (digest !== undefined) found.set(key.slice(prefix.length), digest);
    }
    return found;
  }

  /** `undefined`: it has gone since it was listed. */
  async function readDigest(key: string): Promise<string | undefined> {
    try {
      const { body } = await store.get(objectKey(key));
      return digestOf(Buffer.concat(await Array.fromAsync(body)));
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'NoSuchKey') throw error;
      return undefined;
    }
  }

  return {
    name,
    store,
    async put(key, content) {
      await store.put(objectKey(key), content, { metadata: {} });
    },
    contents: (prefix) => contents(prefix, (etag) => MD5.test(etag)),
    bytes: (prefix) => contents(prefix, () => false),
  };
}
