/** Numbers, sizes and spans of time as people read them. */
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `12,345` */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `0 B`, `1.5 KiB`, `12 GiB` */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const amount = bytes / 1024 ** power;
  return `${amount >= 10 || power === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d` */
export function spanText(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  return wholeSpan(Math.round(ms / 1000));
}

/** `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago` */
export function ago(thenMs: number, nowMs: number): string {
  return `${wholeSpan(Math.max(0, nowMs - thenMs) / 1000)} ago`;
}

function wholeSpan(spanSec: number): string {
  const seconds = Math.floor(spanSec);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
