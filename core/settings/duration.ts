/** Durations as people write them: `500ms`, `30s`, `5m`, `1h`, `30d`, and sums such as `1h30m`. */
import { z } from 'zod';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** Milliseconds, or `undefined` when the text is not a duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return Math.round(totalMs);
}

/** A setting that is a duration; parsed to milliseconds. */
export const durationMs = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, {
    error: 'a duration such as 30s, 5m, 1h or 30d',
  })
  .transform((text) => parseDurationMs(text) ?? 0);
