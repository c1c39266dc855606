/** The bucket itself: whether it is there, and making it. */
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import { responseError } from './s3-error.ts';
import type { Wire } from './wire.ts';
import { escapeXml } from './xml.ts';

interface BucketMethods extends Pick<ObjectStore, 'bucketExists' | 'createBucket'> {
  /** @throws SyncError `NoSuchBucket`; a bucket that has just answered is not asked again. */
  requireBucket(): Promise<void>;
}

/** How long a bucket that answered is believed to exist, when a HEAD says 404 without saying of what. */
const BUCKET_BELIEVED_MS = 10_000;
/** The region that is not named: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
const UNNAMED_REGION = 'us-east-1';

export function bucketMethods(wire: Wire, region: string): BucketMethods {
  let seenMs = Number.NEGATIVE_INFINITY;

  /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
  async function bucketExists(): Promise<boolean> {
    const response = await wire.send({ op: 'HeadBucket', method: 'HEAD' }, [404]);
    await response.body.dump();
    if (response.status === 404) return false;
    seenMs = Date.now();
    return true;
  }

  return {
    bucketExists,
    async requireBucket() {
      if (Date.now() - seenMs < BUCKET_BELIEVED_MS) return;
      if (!(await bucketExists())) throw noSuchBucket(wire.bucket);
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
    async createBucket() {
      const request = {
        op: 'CreateBucket',
        method: 'PUT',
        ...(region === UNNAMED_REGION ? {} : { body: new TextEncoder().encode(placedIn(region)) }),
      } as const;
      const response = await wire.send(request, [409]);
      if (response.status !== 409) return void (await response.body.dump());
      const refusal = await responseError(response, request.op, undefined, wire.bucket);
      if (refusal.code !== 'BucketAlreadyOwnedByYou') throw refusal;
    },
  };
}

function placedIn(region: string): string {
  return `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${escapeXml(region)}</LocationConstraint></CreateBucketConfiguration>`;
}

function noSuchBucket(bucket: string): SyncError {
  return new SyncError(`HeadBucket ${bucket}: NoSuchBucket: the bucket does not exist`, {
    op: 'HeadBucket',
    retryable: false,
    code: 'NoSuchBucket',
    hint: 'Create the bucket, or correct its name in the settings.',
  });
}
