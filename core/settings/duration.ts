/** Durations as people write them: `500ms`, `30s`, `5m`, `1h`, `30d`, and sums such as `1h30m`. */
import * as z from '../schema.ts';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const A_DURATION = 'a duration such as 30s, 5m, 1h or 30d';
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

/** A setting that is a duration: text in the file, milliseconds in the program. Reversible, so that it can be handed on. */
export const durationMs = z.codec(
  z.string({ error: A_DURATION }).check(z.regex(DURATION, { error: A_DURATION })),
  z.number().check(z.nonnegative()),
  { decode: (text) => parseDurationMs(text) ?? 0, encode: (ms) => `${ms}ms` },
);

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS_OR_OFF = 'whole days such as 30d, at least 1d, or off';

/** What EventBridge Scheduler can do: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based */
export const wholeMinutes = durationMs.check(
  z.refine((ms) => ms >= MINUTE_MS && ms % MINUTE_MS === 0, { error: 'whole minutes, at least 1m' }),
);

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html counts days. */
export const daysOrOff = z.union(
  [
    z.literal('off'),
    durationMs.check(z.refine((ms) => ms >= DAY_MS && ms % DAY_MS === 0, { error: DAYS_OR_OFF })),
  ],
  { error: DAYS_OR_OFF },
);

/** An interval, or never. */
export const minutesOrOff = z.union([z.literal('off'), wholeMinutes], {
  error: 'whole minutes such as 15m or 1d, or off',
});

/** Timers count milliseconds in 31 bits, and what should happen at least daily need not be rarer. */
export const upToADay = durationMs.check(
  z.refine((ms) => ms <= DAY_MS, { error: 'a duration of at most 24h' }),
);
