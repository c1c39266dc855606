/** The bytes of an object as they come, the last of them only once all are proved by what its store says of the whole. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectHead } from '#core/ports.ts';
import { damaged } from './read-object.ts';

/**
 * Whoever takes exactly `sizeBytes` sees a damaged body as one that ends early. Where the store tells no checksum of the
 * whole, the chunks are passed on as they are.
 *
 * @throws SyncError `ChecksumMismatch`, retryable, in place of the last chunk
 */
export async function* provenStream(
  body: AsyncIterable<Uint8Array>,
  source: ObjectHead,
): AsyncGenerator<Uint8Array> {
  const sum = checksumOf(source);
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    sum.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  const fault = sum.fault();
  if (fault !== undefined) throw damaged(source, fault, 'ChecksumMismatch');
  if (held !== undefined) yield held;
}

function checksumOf(source: ObjectHead): { update(chunk: Uint8Array): void; fault(): string | undefined } {
  if (source.md5 !== undefined) {
    const md5 = createHash('md5');
    return {
      update: (chunk) => void md5.update(chunk),
      fault: () => mismatch('MD5', md5.digest('hex'), source.md5),
    };
  }
  // With a hyphen it is one of the checksums of the parts.
  const whole = source.crc32?.includes('-') === false ? source.crc32 : undefined;
  let sum = 0;
  return {
    update: (chunk) => {
      if (whole !== undefined) sum = crc32(chunk, sum);
    },
    fault: () => (whole === undefined ? undefined : mismatch('CRC-32', base64(sum), whole)),
  };
}

function mismatch(name: string, found: string, expected: string | undefined): string | undefined {
  return found === expected ? undefined : `their ${name} is ${found}`;
}

function base64(sum: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}
