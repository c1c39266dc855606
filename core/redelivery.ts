/** When a message that is not done is delivered again, and how often. */
import { FILE_MANAGER_BREAKER } from './breaker.ts';
import { backoffMs } from './retry.ts';

/**
 * Why a message is not done: it can never be (`hopeless`); it may be next time (`failed`); or whoever has to be told is
 * down, whatever the message (`outage`).
 */
export type Setback = 'hopeless' | 'failed' | 'outage';

/** Deliveries before the queue gives a message to its dead-letter queue: with the delays below, hours of failures. */
export const MAX_RECEIVES = 12;
/** A delivery may end with nobody the wiser, when the function is cut off: so many are left for that. */
const SPARE_RECEIVES = 2;

const FAILED = { baseDelayMs: 10_000, maxDelayMs: 3_600_000 };
/** The first wait is past the cool-down, and the longest is how late a service that is back may still be told. */
const OUTAGE = { baseDelayMs: 2 * FILE_MANAGER_BREAKER.coolDownMs, maxDelayMs: 300_000 };

/**
 * Seconds until the next delivery. What cannot succeed is delivered again at once, so that it reaches the dead-letter
 * queue while somebody looks; what failed waits longer each time, so that a store that is down does not use up the
 * deliveries in a minute; what waits for the end of an outage is there soon after it.
 *
 * @param receiveCount deliveries so far, this one included
 * @param random uniform in [0, 1)
 */
export function redeliveryDelaySec(setback: Setback, receiveCount: number, random: number): number {
  if (setback === 'hopeless') return 0;
  // At least half of the delay: with all of it left to chance, five deliveries may pass within seconds.
  const half = 0.5 + random / 2;
  const delayMs =
    setback === 'outage'
      ? backoffMs(OUTAGE, receiveCount, half)
      : backoffMs(FAILED, 2 * receiveCount - 1, half);
  return Math.ceil(delayMs / 1000);
}

/** Whether the queue is about to give up a message that has only waited. */
export function isWornOut(setback: Setback, receiveCount: number): boolean {
  return setback === 'outage' && receiveCount >= MAX_RECEIVES - SPARE_RECEIVES;
}

/** A message that is not done twice over may come again only as the graver of the two says. */
export function graverSetback(one: Setback, other: Setback): Setback {
  const order: readonly Setback[] = ['outage', 'failed', 'hopeless'];
  return order.indexOf(one) > order.indexOf(other) ? one : other;
}
