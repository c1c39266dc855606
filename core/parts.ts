/** How a large object is cut. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MAX_PARTS = 10_000;

/** The preferred part size, or the next whole MiB that keeps the object within 10,000 parts. */
export function partSizeBytes(sizeBytes: number, preferredBytes: number): number {
  const mib = 1024 * 1024;
  const least = Math.ceil(sizeBytes / MAX_PARTS / mib) * mib;
  return Math.max(preferredBytes, least);
}
