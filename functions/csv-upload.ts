/** Writes a CSV of any length to a bucket with bounded memory. */
import { stringify } from 'csv-stringify/sync';
import {
  createTextUpload,
  resumeTextUpload,
  type SentParts,
  type TextUpload,
} from '#adapters/text-upload.ts';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';

export interface CsvUpload {
  /** `sent`: this row and all before it are in parts, and `sentParts` can be gone on from. */
  row(cells: readonly string[]): Promise<'held' | 'sent'>;
  sentParts(): SentParts | undefined;
  /** Resolves when every copy is visible under its key. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

const ROWS_AT_ONCE = 500;
const CONTENT_TYPE = 'text/csv; charset=utf-8; header=present';

/**
 * RFC 4180: CRLF after each row, quotes doubled. A lone line feed or carriage return is quoted too: with CRLF as the
 * delimiter csv-stringify would leave it bare, and readers take it for the end of the row.
 */
export function csvText(rows: readonly (readonly string[])[]): string {
  return stringify(rows as string[][], { record_delimiter: '\r\n', quoted_match: /[\r\n]/ });
}

/** The same rows under each of the keys. */
export function createCsvUpload(
  store: ObjectStore,
  keys: readonly ObjectKey[],
  partBytes?: number,
): CsvUpload {
  return csvUpload(createTextUpload(store, keys, CONTENT_TYPE, partBytes));
}

/** Goes on with the row after the last one that was `sent`. */
export async function resumeCsvUpload(
  store: ObjectStore,
  sent: SentParts,
  partBytes?: number,
): Promise<CsvUpload> {
  return csvUpload(await resumeTextUpload(store, sent, CONTENT_TYPE, partBytes));
}

function csvUpload(upload: TextUpload): CsvUpload {
  let rows: (readonly string[])[] = [];

  /** Many at once: each call has its price. */
  async function encode(): Promise<'held' | 'sent'> {
    if (rows.length === 0) return 'held';
    const text = csvText(rows);
    rows = [];
    return upload.append(text);
  }

  return {
    async row(cells) {
      rows.push(cells);
      return rows.length >= ROWS_AT_ONCE ? encode() : 'held';
    },
    sentParts: upload.sentParts,
    async finish() {
      await encode();
      await upload.finish();
    },
    abort: upload.abort,
  };
}
