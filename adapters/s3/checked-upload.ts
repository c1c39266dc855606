/** Sending bytes with their checksums, and believing only a store that confirms them. */
import { hash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { BodySums, PutResult } from '#core/ports.ts';
import { crc32Base64 } from '../crc32.ts';
import { version } from './control.ts';
import { requireEncryption } from './encryption.ts';
import { isContentHash, unquote } from './headers.ts';
import type { Wire, WireRequest } from './wire.ts';

/**
 * PutObject or UploadPart. The store checks Content-MD5, and CRC-32 where asked for; its reply must say the same.
 *
 * The ETag is the MD5 of the body only where the object is kept plain or under SSE-S3:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 *
 * @param withCrc32 whether CRC-32 is sent
 * @param sums where they are known already
 * @throws SyncError `ChecksumMismatch`, retryable; `NotEncrypted`
 */
export async function uploadChecked(
  wire: Wire,
  request: WireRequest & { key: string; body: Uint8Array },
  withCrc32: boolean,
  sums: BodySums,
): Promise<PutResult> {
  const md5 = sums.md5 ?? hash('md5', request.body);
  const crc = withCrc32 ? (sums.crc32 ?? crc32Base64(request.body)) : undefined;
  const response = await wire.send({
    ...request,
    headers: {
      ...request.headers,
      'content-md5': Buffer.from(md5, 'hex').toString('base64'),
      ...(crc === undefined ? {} : { 'x-amz-checksum-crc32': crc }),
    },
  });
  await response.body.dump();
  const { headers } = response;
  const etag = unquote(headers.etag ?? '');
  const wrongTag = isContentHash(etag, headers) && etag !== md5;
  const kept = headers['x-amz-checksum-crc32'];
  const wrongCrc = kept !== undefined && kept !== (crc ?? sums.crc32 ?? crc32Base64(request.body));
  if (etag === '' || wrongTag || wrongCrc) throw unconfirmed(request.op, request.key, wire.bucket);
  requireEncryption(request, headers, wire.bucket);
  return { etag, ...version(headers) };
}

function unconfirmed(op: string, key: string, bucket: string): SyncError {
  return new SyncError(`${op} ${bucket}/${key}: the store did not confirm the checksum that was sent`, {
    op,
    key,
    retryable: true,
    code: 'ChecksumMismatch',
    hint: 'Something between here and the store changes bytes, or the store does not keep ETags as S3 does.',
  });
}
