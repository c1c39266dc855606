/** Pieces of the status page. */
import { countText } from '#core/amounts.ts';

/** A number that should be 0. */
export function flagged(count: number): string {
  return count === 0 ? '0' : `<span class="bad">${countText(count)}</span>`;
}
