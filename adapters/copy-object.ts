/** Copies one state of one object from bucket to bucket, in one piece or in parts, with bounded memory. */
import { createHash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { isMd5, type MirrorPlan } from '#core/mirror-plan.ts';
import type { ByteRange, CopySource, ObjectHead, ObjectStore, PartResult, PutResult } from '#core/ports.ts';
import type { ByteBudget } from './byte-budget.ts';
import { inParallel } from './in-parallel.ts';

export interface CopyPorts {
  hub: ObjectStore;
  destination: ObjectStore;
  /** Shared by all copies of a process: streamed bytes are held until the destination has confirmed them. */
  budget: ByteBudget;
}

type CopyPlan = Extract<MirrorPlan, { do: 'copy' }>;

const PARTS_AT_ONCE = 8;

/**
 * Answers what the destination made of it. The source is read with If-Match: the copy is of `source`, or it fails
 * with `PreconditionFailed`. An upload in parts that fails is aborted.
 */
export async function copyObject(
  { hub, destination, budget }: CopyPorts,
  plan: CopyPlan,
  source: ObjectHead,
  target: ObjectKey,
): Promise<PutResult> {
  const { attributes, parts } = plan;
  const from: CopySource = { bucket: hub.bucket, key: source.key, ifMatch: source.etag };
  if (parts === 'whole') {
    if (plan.way === 'server') return destination.copy(target, from, attributes);
    return budget.hold(source.sizeBytes, async () => {
      const body = await readBody(hub, source);
      confirmMd5(body, source);
      return destination.put(target, body, attributes);
    });
  }

  const uploadId = await destination.createMultipart(target, attributes);
  try {
    const done = await inParallel(parts.entries(), PARTS_AT_ONCE, ([index, range]): Promise<PartResult> => {
      const partNumber = index + 1;
      if (plan.way === 'server') {
        return destination.uploadPartCopy(target, uploadId, partNumber, from, range);
      }
      return budget.hold(lengthOf(range), async () =>
        destination.uploadPart(target, uploadId, partNumber, await readBody(hub, source, range)),
      );
    });
    return await destination.completeMultipart(target, uploadId, done);
  } catch (error) {
    await abort(destination, target, uploadId, error);
    throw error;
  }
}

/** Parts that stay cost money until the bucket's lifecycle finds them; the first error is still the one that counts. */
async function abort(store: ObjectStore, key: ObjectKey, uploadId: string, cause: unknown): Promise<void> {
  try {
    await store.abortMultipart(key, uploadId);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new SyncError(`${error.message}; the upload was being aborted because of: ${String(cause)}`, {
      op: 'abort-multipart',
      key,
      retryable: true,
      cause,
      hint: `Upload ${uploadId} is left to the lifecycle rule of ${store.bucket}.`,
    });
  }
}

/** Read into one piece of the size it must have: joining chunks would hold the bytes twice. */
async function readBody(hub: ObjectStore, source: ObjectHead, range?: ByteRange): Promise<Uint8Array> {
  const sizeBytes = range === undefined ? source.sizeBytes : lengthOf(range);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  const part = range === undefined ? {} : { range };
  const { body } = await hub.get(source.key, { ...part, ifMatch: source.etag });
  for await (const chunk of body) {
    if (at + chunk.length <= sizeBytes) bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at !== sizeBytes) throw damaged(source, `${at} bytes came instead of ${sizeBytes}`, 'Truncated');
  return bytes;
}

function confirmMd5(body: Uint8Array, source: ObjectHead): void {
  if (!isMd5(source.etag)) return;
  const md5 = createHash('md5').update(body).digest('hex');
  if (md5 !== source.etag) throw damaged(source, `their MD5 is ${md5}, not the ETag`, 'ChecksumMismatch');
}

function damaged(source: ObjectHead, what: string, code: string): SyncError {
  return new SyncError(`GetObject ${source.key}: the bytes are not those of ${source.etag}: ${what}`, {
    op: 'GetObject',
    key: source.key,
    retryable: true,
    code,
    hint: 'Nothing was written to the destination. If it stays so, the store changes bytes or its ETags are not MD5.',
  });
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}
