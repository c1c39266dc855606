/** Options that are spans of time. */
import { parseDurationMs } from '#core/settings/duration.ts';
import { UsageError } from './usage-error.ts';

/** Milliseconds of an option such as `--since 10m`. Throws `UsageError`. */
export function durationOption(name: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0) {
    throw new UsageError(
      `--${name}: found ${JSON.stringify(text)}, expected a duration such as 30s, 10m or 1h`,
    );
  }
  return ms;
}
