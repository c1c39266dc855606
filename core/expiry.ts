/** Which files of a folder age removes. What is removed must also be safe; that is looked at afterwards. */

const NS_PER_MS = 1_000_000n;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** As far as S3 itself lets a clock be off: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const MAX_SKEW_MS = 15 * MINUTE_MS;

export interface Times {
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/**
 * Whether nobody has changed or placed it for longer than that: the newest of mtime and ctime counts. mtime alone is
 * what the sender said, which may be years ago for a file that arrived today; ctime cannot be set back.
 */
export function isOlder({ mtimeNs, ctimeNs }: Times, olderThanMs: number, nowMs: number): boolean {
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return nowMs - Number(newest / NS_PER_MS) > olderThanMs;
}

/**
 * Why nothing may be removed by age now, or `undefined`: a host whose clock has jumped sees only old files.
 *
 * @param skewMs the store's clock minus the host's, where it is known
 */
export function clockFault(skewMs: number | undefined): string | undefined {
  if (skewMs === undefined || Math.abs(skewMs) <= MAX_SKEW_MS) return undefined;
  const minutes = Math.round(Math.abs(skewMs) / MINUTE_MS);
  return `the host's clock is ${minutes} minutes ${skewMs > 0 ? 'behind' : 'ahead of'} the store's`;
}

/** How often to look: four times within the age, at least every hour, at most every minute. */
export function expiryIntervalMs(olderThanMs: number): number {
  return Math.max(MINUTE_MS, Math.min(HOUR_MS, olderThanMs / 4));
}
