/** Cells of our own CSV files: safe to open in a spreadsheet, and read back by the names of their columns. */
import { SyncError } from './errors.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** What begins a formula, and the quote itself, so that taking one quote off always gives the text back. */
const NEEDS_QUOTE = /^['=+\-@\t\r\n＝＋－＠]/;

/** The text of a column as it was before `spreadsheetText`; empty when the file has no such column. */
export type Row = (column: string) => string;

/**
 * Makes rows of cells, given the header.
 *
 * @param name of the file, for errors
 * @throws SyncError when a needed column is missing or a row has another number of cells than the header
 */
export function rowReader(
  header: readonly string[],
  needed: readonly string[],
  name: string,
): (cells: readonly string[]) => Row {
  const missing = needed.filter((column) => !header.includes(column));
  if (missing.length > 0) throw notOurs(name, `lacks ${missing.join(', ')}`);
  const indexes = new Map(header.map((column, index) => [column, index]));
  return (cells) => {
    if (cells.length !== header.length) {
      throw notOurs(name, `has a row of ${cells.length} cells below a header of ${header.length}`);
    }
    return (column) => {
      const index = indexes.get(column);
      const text = index === undefined ? '' : (cells[index] ?? '');
      return text.startsWith("'") ? text.slice(1) : text;
    };
  };
}

/**
 * Text that no spreadsheet takes for a formula: one with a leading `= + - @`, tab, line break or quote gets a quote in
 * front. https://owasp.org/www-community/attacks/CSV_Injection
 */
export function spreadsheetText(text: string): string {
  return NEEDS_QUOTE.test(text) ? `'${text}` : text;
}

/** As text that no spreadsheet calculates with: what `rowReader` gives back. */
export function safeCells(cells: readonly string[]): string[] {
  return cells.map(spreadsheetText);
}

export function stateOf(text: string): LedgerEntry['state'] {
  return text === 'present' || text === 'deleted' ? text : 'unknown';
}

function notOurs(name: string, what: string): SyncError {
  return new SyncError(`the report ${name} ${what}`, {
    op: 'read-report',
    key: name,
    retryable: false,
    code: 'BadReport',
  });
}
