/** Texts of the pages: everything that comes from outside passes through `escaped`. */
import { countText } from '#core/amounts.ts';

/** What turns the direction of the text around it, and control characters, which a name could hide itself with. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** For text and for attributes in quotes. https://owasp.org/www-community/xss-prevention */
export function escaped(text: string): string {
  return text
    .replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** `1 object`, `2 objects` */
export function countOf(count: number, thing: string): string {
  return `${countText(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** `15:04:05`, in this machine's zone. */
export function clockText(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
