/** One rate for everything a process sends and receives, so that the site's line stays usable for others. */

export interface Bandwidth {
  /** Bodies travel in pieces of at most this size: transfers take turns, and none looks silent to the store. */
  readonly pieceBytes: number;
  /** Resolves when the bytes may travel; served in the order of asking. */
  take(bytes: number): Promise<void>;
}

/** What an idle line may send at once, in milliseconds of its rate. */
const BURST_MS = 250;
const PIECES_PER_SECOND = 8;
const SMALLEST_PIECE = 256;
const LARGEST_PIECE = 64 * 1024;

const systemClock = {
  now: () => performance.now(),
  sleep: (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs)),
};

/**
 * A token bucket without a timer of its own: each taker is told when its turn is.
 * https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 *
 * @param clock monotonic milliseconds
 */
export function createBandwidth(bytesPerSec: number, clock = systemClock): Bandwidth {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return {
    pieceBytes: Math.min(
      LARGEST_PIECE,
      Math.max(SMALLEST_PIECE, Math.floor(bytesPerSec / PIECES_PER_SECOND)),
    ),
    async take(bytes) {
      const nowMs = clock.now();
      freeAtMs = Math.max(freeAtMs, nowMs - BURST_MS) + (bytes * 1000) / bytesPerSec;
      if (freeAtMs > nowMs) await clock.sleep(freeAtMs - nowMs);
    },
  };
}
