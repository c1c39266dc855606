/** Waiting for what must come, without end only where a person decides when it ends. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Looks until `found` answers something, and answers that; `undefined` once `limitMs` are over. Throws when the signal
 * ends it.
 *
 * @param onWait told now and then, with how long it has been, in seconds
 */
export async function waitFor<Found>(
  found: () => Promise<Found | undefined> | Found | undefined,
  { limitMs, signal, onWait }: { limitMs: number; signal: AbortSignal; onWait?: (seconds: number) => void },
): Promise<Found | undefined> {
  const startedMs = performance.now();
  let told = 0;
  for (;;) {
    signal.throwIfAborted();
    const value = await found();
    if (value !== undefined) return value;
    const seconds = Math.floor((performance.now() - startedMs) / 1000);
    if (seconds * 1000 >= limitMs) return undefined;
    if (seconds >= told + 5) {
      told = seconds;
      onWait?.(seconds);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}
