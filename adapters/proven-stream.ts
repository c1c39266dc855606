/** The bytes of an object as they come, the last of them only once all are proved by what its store says of the whole. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectHead } from '#core/ports.ts';
import { crc32Text } from './crc32.ts';
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
    sum?.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  const fault = sum?.fault();
  if (fault !== undefined) throw damaged(source, fault, 'ChecksumMismatch');
  if (held !== undefined) yield held;
}

export interface Checksum {
  /** The bytes in their order. */
  update(chunk: Uint8Array): void;
  /** What is wrong with them, once all are there. Once. */
  fault(): string | undefined;
}

/** By the MD5 of the whole, else by its CRC-32; `undefined` where the store tells neither. */
export function checksumOf(source: ObjectHead): Checksum | undefined {
  if (source.md5 !== undefined) {
    const md5 = createHash('md5');
    return {
      update: (chunk) => void md5.update(chunk),
      fault: () => mismatch('MD5', md5.digest('hex'), source.md5),
    };
  }
  const { crc32: whole } = source;
  // With a hyphen it is one of the checksums of the parts.
  if (whole === undefined || whole.includes('-')) return undefined;
  let sum = 0;
  return {
    update(chunk) {
      sum = crc32(chunk, sum);
    },
    fault: () => mismatch('CRC-32', crc32Text(sum), whole),
  };
}

function mismatch(name: string, found: string, expected: string | undefined): string | undefined {
  return found === expected ? undefined : `their ${name} is ${found}`;
}
