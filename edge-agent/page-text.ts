/** Pieces of the status page; everything that comes from outside goes through `escaped`. */
import { countText } from '#core/amounts.ts';
import { oneLine } from './log.ts';

/** Text that may hold anything, for an element's content or a quoted attribute; one line, without control characters. */
export function escaped(text: string): string {
  return oneLine(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A number that should be 0. */
export function flagged(count: number): string {
  return count === 0 ? '0' : `<span class="bad">${countText(count)}</span>`;
}
