/** Stops calling a service that is down, so that it can come back, and so that nobody waits for its timeouts. */

export interface BreakerPolicy {
  /** So many failures in a row that a retry might have cured open it. */
  failures: number;
  /** Then nothing is called for so long, and then one call finds out. */
  coolDownMs: number;
}

/** Of the file manager: each failure is one after the retries of its call. */
export const FILE_MANAGER_BREAKER: BreakerPolicy = { failures: 5, coolDownMs: 30_000 };

export interface Breaker {
  /**
   * Whether a call may be made now. After the cool-down it answers `true` once: that call must be told of with
   * `succeeded` or `failed`, or a cool-down later the next one finds out.
   */
  allows(nowMs: number): boolean;
  /** Whether no call may be made now; asking uses up nothing. */
  isOpen(nowMs: number): boolean;
  succeeded(): void;
  /** Only of failures that say that the service is down; a refusal of one call says that it is up. */
  failed(nowMs: number): void;
}

/**
 * | state     | call fails                    | call succeeds | `allows`                       |
 * | --------- | ----------------------------- | ------------- | ------------------------------ |
 * | closed    | opens with the last of `failures` | closed, counts from none | yes             |
 * | open      | stays open, counts anew       | closed        | no, until the cool-down is over |
 * | half-open | open                          | closed        | no, except to the one call     |
 */
export function createBreaker({ failures, coolDownMs }: BreakerPolicy): Breaker {
  let inARow = 0;
  /** When the next call may find out; `undefined`: closed. */
  let probeAtMs: number | undefined;

  return {
    allows(nowMs) {
      if (probeAtMs === undefined) return true;
      if (nowMs < probeAtMs) return false;
      probeAtMs = nowMs + coolDownMs;
      return true;
    },
    isOpen: (nowMs) => probeAtMs !== undefined && nowMs < probeAtMs,
    succeeded() {
      inARow = 0;
      probeAtMs = undefined;
    },
    failed(nowMs) {
      inARow++;
      if (inARow >= failures) probeAtMs = nowMs + coolDownMs;
    },
  };
}
