/** When to try again: exponential backoff with full jitter. */

export interface RetryPolicy {
  /** Tries in all, the first included. */
  attempts: number;
  baseDelayMs: number;
  maxDelayMs: number;
}

/**
 * Milliseconds to wait before the next try, or `undefined` when there is none.
 * Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failures tries that have failed so far, at least 1
 * @param random uniform in [0, 1)
 */
export function nextDelayMs(policy: RetryPolicy, failures: number, random: number): number | undefined {
  if (failures >= policy.attempts) return undefined;
  return backoffMs(policy, failures, random);
}

/** As `nextDelayMs`, for work that is never given up: the delay grows to the maximum and stays there. */
export function backoffMs(
  { baseDelayMs, maxDelayMs }: Pick<RetryPolicy, 'baseDelayMs' | 'maxDelayMs'>,
  failures: number,
  random: number,
): number {
  return Math.round(random * Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1)));
}
