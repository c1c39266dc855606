/** Writes a CSV of any length to a bucket with bounded memory: one PUT, or a multipart upload once it is large. */
import { stringify } from 'csv-stringify/sync';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectAttributes, ObjectStore, PartResult } from '#core/ports.ts';

export interface CsvUpload {
  row(cells: readonly string[]): Promise<void>;
  /** Resolves when every copy is visible under its key. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

/** More than S3's least part (5 MiB), and 10,000 of them hold 80 GB. */
const PART_BYTES = 8 * 1024 * 1024;
const ROWS_AT_ONCE = 500;
const ATTRIBUTES: ObjectAttributes = { metadata: {}, contentType: 'text/csv; charset=utf-8; header=present' };

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
  partBytes = PART_BYTES,
): CsvUpload {
  let rows: (readonly string[])[] = [];
  let chunks: Buffer[] = [];
  let sizeBytes = 0;
  let uploads: { key: ObjectKey; uploadId: string; parts: PartResult[] }[] = [];

  function encode(): void {
    if (rows.length === 0) return;
    const chunk = Buffer.from(csvText(rows));
    rows = [];
    chunks.push(chunk);
    sizeBytes += chunk.length;
  }

  function take(): Buffer {
    const body = Buffer.concat(chunks);
    chunks = [];
    sizeBytes = 0;
    return body;
  }

  async function sendPart(): Promise<void> {
    const body = take();
    if (uploads.length === 0) {
      for (const key of keys) {
        uploads.push({ key, uploadId: await store.createMultipart(key, ATTRIBUTES), parts: [] });
      }
    }
    await Promise.all(
      uploads.map(async ({ key, uploadId, parts }) => {
        parts.push(await store.uploadPart(key, uploadId, parts.length + 1, body));
      }),
    );
  }

  return {
    async row(cells) {
      rows.push(cells);
      if (rows.length >= ROWS_AT_ONCE) encode();
      if (sizeBytes >= partBytes) await sendPart();
    },
    async finish() {
      encode();
      if (uploads.length === 0) {
        const body = take();
        for (const key of keys) await store.put(key, body, ATTRIBUTES);
        return;
      }
      if (sizeBytes > 0) await sendPart();
      for (const { key, uploadId, parts } of uploads) await store.completeMultipart(key, uploadId, parts);
      uploads = [];
    },
    async abort() {
      for (const { key, uploadId } of uploads) await store.abortMultipart(key, uploadId);
      uploads = [];
    },
  };
}
