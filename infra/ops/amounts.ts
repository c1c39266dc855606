/** Numbers and spans of time as people read and write them. */
import { parseDurationMs } from '#core/settings/duration.ts';
import { UsageError } from './usage-error.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `12,345` */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `0 B`, `1.5 KiB`, `12 GiB` */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** power;
  return `${amount >= 10 || power === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d` */
export function spanText(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

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
