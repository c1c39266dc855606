/** Tables of the page, with headings that a screen reader can say for each cell. */
import { escaped } from './text.ts';

/** Text of a cell; `mark` says in words and by a sign what colour alone would. */
export type Cell = string | { text: string; mark: 'good' | 'bad' | 'soft' };

const SIGNS = { good: '✓', bad: '✗', soft: '…' } as const;

/** Columns that begin with `#` hold numbers. The first cell of a row is its heading. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): string {
  if (rows.length === 0) return `<p class="soft">${escaped(none)}</p>`;
  const numeric = columns.map((column) => column.startsWith('#'));
  const head = columns.map(
    (column, index) =>
      `<th scope="col"${numeric[index] ? ' class="n"' : ''}>${escaped(column.replace('#', ''))}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((cell, index) => {
      if (index === 0) return `<th scope="row">${cellText(cell)}</th>`;
      return `<td${numeric[index] ? ' class="n"' : ''}>${cellText(cell)}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table><caption>${escaped(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return escaped(cell);
  return `<span class="${cell.mark}"><span aria-hidden="true">${SIGNS[cell.mark]} </span>${escaped(cell.text)}</span>`;
}
