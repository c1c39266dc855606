/** The state report: one row an entry of the ledger, safe to open in a spreadsheet. */
import type { LedgerEntry } from './ledger-entry.ts';

/** What begins a formula, and the quote itself, so that taking one quote off always gives the text back. */
const NEEDS_QUOTE = /^['=+\-@\t\r\n＝＋－＠]/;

/** The header row. */
export function reportColumns(destinations: readonly string[]): string[] {
  return [
    'key',
    'state',
    'size_bytes',
    'etag',
    'version_id',
    'changed_at',
    'sequencer',
    ...destinations.map((name) => `mirrored_${name}`),
  ];
}

/**
 * The cells of one entry, as many as there are columns. `mirrored_…` says `current` (the destination has what the hub
 * has), `behind` (it has an earlier state), `gone` (it has none) or nothing (it has not told).
 *
 * @param isoTime formats milliseconds since 1970 as ISO 8601.
 */
export function reportRow(
  entry: LedgerEntry,
  destinations: readonly string[],
  isoTime: (ms: number) => string,
): string[] {
  const known = entry.state !== 'unknown';
  return [
    spreadsheetText(entry.key),
    entry.state,
    known ? String(entry.sizeBytes) : '',
    spreadsheetText(entry.etag),
    spreadsheetText(entry.versionId),
    known ? isoTime(entry.eventTimeMs) : '',
    spreadsheetText(entry.sequencer),
    ...destinations.map((name) => mirrorState(entry, name)),
  ];
}

/**
 * Text that no spreadsheet takes for a formula: one with a leading `= + - @`, tab, line break or quote gets a quote in
 * front. https://owasp.org/www-community/attacks/CSV_Injection
 */
export function spreadsheetText(text: string): string {
  return NEEDS_QUOTE.test(text) ? `'${text}` : text;
}

function mirrorState(entry: LedgerEntry, destination: string): 'current' | 'behind' | 'gone' | '' {
  const record = entry.mirrors[destination];
  if (record === undefined) return '';
  if (record.sourceEtag === '') return 'gone';
  return entry.state === 'present' && record.sourceEtag === entry.etag ? 'current' : 'behind';
}
