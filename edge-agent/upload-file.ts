/** Sends one open file to a store, whole or in parts, and answers only when the store has confirmed every byte. */
import { createHash } from 'node:crypto';
import { readRange, readWhole } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { partSizeBytes } from '#core/parts.ts';
import type { ObjectStore, PartResult, PutResult } from '#core/ports.ts';

export interface UploadRequest {
  fd: number;
  sizeBytes: number;
  key: ObjectKey;
  /** The metadata for a content MD5 in hex. */
  metadata(md5: string): Record<string, string>;
  /** Throws when going on is pointless: the file changed, or the agent stops. Called between parts. */
  checkpoint(): void;
}

export interface Uploaded extends PutResult {
  /** Hex, of exactly the bytes sent. */
  md5: string;
}

/**
 * Up to `partBytes` in one PUT, more in parts of that size or larger (10,000 at most), one after the other, so that
 * memory is bounded by one part. A multipart upload that cannot be completed is aborted.
 *
 * @throws SyncError `Changed` when the file is shorter than it was; `ChecksumMismatch` when the store disagrees
 */
export async function uploadFile(
  store: ObjectStore,
  request: UploadRequest,
  partBytes: number,
): Promise<Uploaded> {
  const { fd, sizeBytes, key } = request;
  if (sizeBytes > partBytes) return uploadParts(store, request, partSizeBytes(sizeBytes, partBytes));
  const body = await readWhole(fd, sizeBytes);
  request.checkpoint();
  const md5 = createHash('md5').update(body).digest('hex');
  return { ...(await store.put(key, body, { metadata: request.metadata(md5) })), md5 };
}

/** The whole-object MD5 must be in the metadata before the first part is sent, so the file is read twice. */
async function uploadParts(store: ObjectStore, request: UploadRequest, partBytes: number): Promise<Uploaded> {
  const { key } = request;
  const whole = createHash('md5');
  for await (const part of partsOf(request, partBytes)) whole.update(part);
  const md5 = whole.digest('hex');
  const uploadId = await store.createMultipart(key, { metadata: request.metadata(md5) });
  try {
    const parts: PartResult[] = [];
    const sent = createHash('md5');
    const tags = createHash('md5');
    for await (const body of partsOf(request, partBytes)) {
      sent.update(body);
      tags.update(createHash('md5').update(body).digest());
      parts.push(await store.uploadPart(key, uploadId, parts.length + 1, body));
    }
    if (sent.digest('hex') !== md5) throw changed(key);
    const result = await store.completeMultipart(key, uploadId, parts);
    const composite = `${tags.digest('hex')}-${parts.length}`;
    if (/^[0-9a-f]{32}-\d+$/.test(result.etag) && result.etag !== composite) {
      throw new SyncError(`CompleteMultipartUpload ${key}: the store joined other parts than were sent`, {
        op: 'CompleteMultipartUpload',
        key,
        retryable: true,
        code: 'ChecksumMismatch',
      });
    }
    return { ...result, md5 };
  } catch (error) {
    await store.abortMultipart(key, uploadId).catch((abortError: unknown) => {
      throw new AggregateError(
        [error, abortError],
        `${key}: the upload failed, and its parts could not be removed`,
      );
    });
    throw error;
  }
}

async function* partsOf({ fd, sizeBytes, checkpoint }: UploadRequest, partBytes: number) {
  for (let start = 0; start < sizeBytes; start += partBytes) {
    checkpoint();
    yield await readRange(fd, start, Math.min(partBytes, sizeBytes - start));
  }
}

function changed(key: string): SyncError {
  return new SyncError(`${key} changed while it was read`, {
    op: 'upload',
    key,
    retryable: true,
    code: 'Changed',
  });
}
