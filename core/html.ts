/** HTML of the pages: everything that comes from outside passes through `escaped`. */

/** What turns the direction of the text around it, and control characters, which a name could hide itself with. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const SIGNS = { good: '✓', bad: '✗', soft: '…' } as const;

/** Text of a cell; `mark` says by a sign what colour alone would, with the class of that name. */
export type Cell = string | { text: string; mark: keyof typeof SIGNS };

/** For text and for attributes in quotes. https://owasp.org/www-community/xss-prevention */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** On one line, with what cannot be seen spelt out, as in `\u{202e}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/**
 * A table with headings that a screen reader can say for each cell. Columns that begin with `#` hold numbers and have
 * the class `n`. The first cell of a row is its heading.
 *
 * @param none said when there is no row
 */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): string {
  if (rows.length === 0) return `<p class="soft">${escaped(none)}</p>`;
  const classes = columns.map((column) => (column.startsWith('#') ? ' class="n"' : ''));
  const head = columns.map(
    (column, index) => `<th scope="col"${classes[index]}>${escaped(column.replace('#', ''))}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((cell, index) =>
      index === 0
        ? `<th scope="row">${cellText(cell)}</th>`
        : `<td${classes[index] ?? ''}>${cellText(cell)}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table><caption>${escaped(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return escaped(cell);
  return `<span class="${cell.mark}"><span aria-hidden="true">${SIGNS[cell.mark]} </span>${escaped(cell.text)}</span>`;
}
