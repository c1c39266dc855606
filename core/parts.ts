/** How a large object is cut. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
import type { ByteRange } from './ports.ts';

const MIB = 1024 * 1024;
export const MAX_PARTS = 10_000;
/** Of all parts but the last. */
export const MIN_PART_BYTES = 5 * MIB;
/** Also the most that one PUT may carry. */
export const MAX_PART_BYTES = 5 * 1024 * MIB;

/** The preferred part size, or the next whole MiB that keeps the object within 10,000 parts. */
export function partSizeBytes(sizeBytes: number, preferredBytes: number): number {
  const preferred = Math.min(preferredBytes, MAX_PART_BYTES);
  if (preferred * MAX_PARTS >= sizeBytes) return preferred;
  return Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
}

/** The ranges of parts of that size, the last one shorter; none for no bytes. */
export function rangesOf(sizeBytes: number, partBytes: number): ByteRange[] {
  return Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, index) => ({
    start: index * partBytes,
    end: Math.min(sizeBytes, (index + 1) * partBytes) - 1,
  }));
}
