import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, expect, inject, it } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type StoreOptions } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import { objectStoreContract } from '../../contracts/object-store.ts';
import { storeCredentials } from '../../edge-agent/agent-process.ts';

const LIMITS = inject('storeLimits') ?? {};
const closing: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(closing.map((one) => one.close())));

function storeOn(bucket: string, options: Partial<StoreOptions> = {}) {
  const store = createS3Store({
    bucket,
    region: 'us-east-1',
    endpoint: inject('endpoint'),
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
    crc32: true,
    ...options,
  });
  closing.push(store);
  return store;
}

objectStoreContract(
  'the S3 wire client',
  async () => {
    const bucket = `contract-${randomUUID()}`;
    const client = new S3Client({
      endpoint: inject('endpoint'),
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: storeCredentials(),
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    return storeOn(bucket);
  },
  // The emulator forgets them; MinIO, whose credentials are given, and AWS do not.
  { tagsOfUploads: inject('storeCredentials') !== undefined, encrypts: LIMITS.encrypts ?? true },
);

it('does not take a missing bucket for an empty one', async () => {
  const store = storeOn(`missing-${randomUUID()}`);
  await expect(store.head(objectKey('k'))).rejects.toMatchObject({ code: 'NoSuchBucket', retryable: false });
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'NoSuchBucket' });
});

it.each(LIMITS.region === undefined ? ['us-east-1', 'eu-central-1'] : [LIMITS.region])(
  'creates a bucket in %s, and says before that there is none',
  async (region) => {
    const store = storeOn(`made-${randomUUID()}`, { region });
    expect(await store.bucketExists()).toBe(false);
    await store.createBucket();
    expect(await store.bucketExists()).toBe(true);
    await store.put(objectKey('k'), new Uint8Array(1), { metadata: {} });
    expect(await Array.fromAsync(store.list(''))).toMatchObject([{ key: 'k', sizeBytes: 1 }]);
  },
);

it('names an endpoint that cannot be reached, and what to do', async () => {
  const store = storeOn('b', {
    endpoint: 'http://127.0.0.1:9',
    retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
  });
  await expect(store.head(objectKey('k'))).rejects.toMatchObject({
    message: expect.stringContaining('http://127.0.0.1:9 cannot be reached'),
    code: 'ECONNREFUSED',
    retryable: true,
    hint: expect.stringContaining('running'),
  });
});
