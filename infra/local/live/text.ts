/** Counts and times of the pages. */
import { countText } from '#core/amounts.ts';

/** `1 object`, `2 objects` */
export function countOf(count: number, thing: string): string {
  return `${countText(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** `15:04:05`, in this machine's zone. */
export function clockText(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
