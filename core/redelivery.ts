/** When a message that failed is delivered again. */
import { backoffMs } from './retry.ts';

const BACKOFF = { baseDelayMs: 10_000, maxDelayMs: 3_600_000 };

/**
 * Seconds until the next delivery. What cannot succeed is delivered again at once, so that it reaches the dead-letter
 * queue while somebody looks; the rest waits longer each time, so that a store that is down does not use up the
 * deliveries in a minute.
 *
 * @param receiveCount deliveries so far, this one included
 * @param random uniform in [0, 1)
 */
export function redeliveryDelaySec(retryable: boolean, receiveCount: number, random: number): number {
  if (!retryable) return 0;
  // At least half of the delay: with all of it left to chance, five deliveries may pass within seconds.
  return Math.ceil(backoffMs(BACKOFF, 2 * receiveCount - 1, 0.5 + random / 2) / 1000);
}
