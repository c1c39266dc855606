/**
 * How many requests a store gets at once: as many as make it faster, and half as many as soon as it complains.
 * The idea is TCP's: https://www.rfc-editor.org/rfc/rfc5681 (slow start, then additive increase, multiplicative
 * decrease), with throughput in place of the window's acknowledgements.
 */

interface Pace {
  /** Runs the work once there is a permit, in the order of asking. `sizeBytes`: what it sends. */
  run<Result>(sizeBytes: number, work: () => Promise<Result>): Promise<Result>;
  /** Requests allowed at once at present, from 1 to the maximum. */
  permits(): number;
}

interface PaceOptions {
  max: number;
  /** Whether the store was asked too much. */
  isCongestion: (error: unknown) => boolean;
  /** Monotonic milliseconds. */
  now?: () => number;
}

/** What any store bears; a far one is not kept waiting for many rounds. */
const FIRST_PERMITS = 16;
/** Fewer requests say nothing about throughput. */
const ROUND_REQUESTS = 16;
/** A request weighs as much as so many bytes, so that small objects count. */
const REQUEST_WEIGHT_BYTES = 256 * 1024;
/** Of the growth in permits, so much must be seen as growth in throughput to stay there. */
const USEFUL_SHARE = 0.25;
/** Rounds to stay, after more permits were of no use. */
const REST_ROUNDS = 8;

export function createPace({ max, isCongestion, now = () => performance.now() }: PaceOptions): Pace {
  const waiting: (() => void)[] = [];
  let permits = Math.min(FIRST_PERMITS, max);
  let inFlight = 0;
  /** Counts the cuts: what was started before one says nothing new after it. */
  let era = 0;
  /** Until the store complains for the first time. */
  let doubling = true;
  let restRounds = 0;
  /** The level that was grown from, and what it gave. */
  let before: { permits: number; rate: number } | undefined;
  let round = newRound();

  function newRound() {
    return { sinceMs: now(), requests: 0, weight: 0, wanted: false };
  }

  function admit(): void {
    while (inFlight < permits) {
      const start = waiting.shift();
      if (start === undefined) return;
      inFlight++;
      start();
    }
  }

  function succeeded(sizeBytes: number): void {
    round.requests++;
    round.weight += REQUEST_WEIGHT_BYTES + sizeBytes;
    if (waiting.length > 0) round.wanted = true;
    if (round.requests < Math.max(ROUND_REQUESTS, 2 * permits)) return;
    // Throughput with permits to spare is the callers' pace, not the store's.
    if (round.wanted) judge(round.weight / Math.max(1, now() - round.sinceMs));
    round = newRound();
  }

  function judge(rate: number): void {
    if (restRounds > 0) {
      restRounds--;
      return;
    }
    if (before !== undefined) {
      const growth = permits / before.permits - 1;
      if (rate < before.rate * (1 + growth * USEFUL_SHARE)) {
        permits = before.permits;
        before = undefined;
        restRounds = REST_ROUNDS;
        return;
      }
    }
    const next = Math.min(max, doubling ? permits * 2 : permits + Math.max(1, permits >> 2));
    before = next === permits ? undefined : { permits, rate };
    permits = next;
  }

  function cut(): void {
    permits = Math.max(1, permits >> 1);
    era++;
    doubling = false;
    restRounds = 0;
    before = undefined;
    round = newRound();
  }

  return {
    permits: () => permits,
    async run(sizeBytes, work) {
      if (inFlight < permits && waiting.length === 0) inFlight++;
      else await new Promise<void>((start) => waiting.push(start));
      const startedIn = era;
      try {
        const result = await work();
        if (startedIn === era) succeeded(sizeBytes);
        return result;
      } catch (error) {
        if (startedIn === era && isCongestion(error)) cut();
        throw error;
      } finally {
        inFlight--;
        admit();
      }
    },
  };
}
