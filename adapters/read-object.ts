/** The bytes of an object in one piece, proved by what its store says of the whole. */
import { hash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { ObjectHead } from '#core/ports.ts';
import { crc32Base64 } from './crc32.ts';

/**
 * All bytes of the object, and their MD5 in hex.
 *
 * An ETag that is a number of the store's own says nothing of bytes: then the CRC-32 counts, where there is one.
 *
 * @throws SyncError `Truncated` or `ChecksumMismatch`, retryable
 */
export async function provenBody(
  body: AsyncIterable<Uint8Array>,
  source: ObjectHead,
): Promise<{ bytes: Uint8Array; md5: string }> {
  const bytes = await readBody(body, source, source.sizeBytes);
  const md5 = hash('md5', bytes);
  if (source.md5 !== undefined) {
    if (md5 !== source.md5) throw damaged(source, `their MD5 is ${md5}`, 'ChecksumMismatch');
  } else if (source.crc32 !== undefined && !source.crc32.includes('-')) {
    // With a hyphen it is one of the checksums of the parts.
    const found = crc32Base64(bytes);
    if (found !== source.crc32) throw damaged(source, `their CRC-32 is ${found}`, 'ChecksumMismatch');
  }
  return { bytes, md5 };
}

/** Read into one piece of the size it must have: joining chunks would hold the bytes twice. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  source: ObjectHead,
  sizeBytes: number,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length <= sizeBytes) bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at !== sizeBytes) throw damaged(source, `${at} bytes came instead of ${sizeBytes}`, 'Truncated');
  return bytes;
}

/** An answer that nobody wants any more: what is left of it must not hold its connection. */
export async function leaveBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of body) return;
}

export function damaged(source: ObjectHead, what: string, code: string): SyncError {
  return new SyncError(`GetObject ${source.key}: the bytes are not those of ${source.etag}: ${what}`, {
    op: 'GetObject',
    key: source.key,
    retryable: true,
    code,
    hint: 'Nothing was written to the destination. If it stays so, the store changes bytes or its ETags are not MD5.',
  });
}
