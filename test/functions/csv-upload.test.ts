import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { createCsvUpload, csvText } from '../../functions/csv-upload.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const [a, b] = [objectKey('a.csv'), objectKey('b.csv')];

describe('the text of a CSV', () => {
  it('is read back as it was by a reader that knows RFC 4180 only', () => {
    const unit = fc.constantFrom('"', ',', '\r', '\n', '\r\n', ' ', ';', 'a', "'", '\ufeff', '😀');
    const rows = fc.array(fc.array(fc.string({ unit }), { minLength: 2, maxLength: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(rows, (given) => {
        expect(parseCsv(csvText(given))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });
});

describe('uploading a CSV', () => {
  it('puts one object under each key when it is small', async () => {
    const store = createMemoryStore();
    const upload = createCsvUpload(store, [a, b]);
    await upload.row(['x', 'y']);
    expect(store.contents(a)).toBeUndefined();
    await upload.finish();
    expect(String(store.contents(a))).toBe('x,y\r\n');
    expect(store.contents(b)).toEqual(store.contents(a));
    expect((await store.head(a))?.contentType).toContain('text/csv');
  });

  it('goes in parts when it is large, and is invisible until it is whole', async () => {
    const store = createMemoryStore();
    const upload = createCsvUpload(store, [a, b], 10_000);
    const rows = Array.from({ length: 5_000 }, (_, index) => [`key-${index}`, 'text, with comma']);
    for (const row of rows) await upload.row(row);
    expect(store.openUploads()).toBe(2);
    expect(store.contents(a)).toBeUndefined();
    await upload.finish();
    expect(parseCsv(String(store.contents(a)))).toEqual(rows);
    expect(store.contents(b)).toEqual(store.contents(a));
    expect(store.openUploads()).toBe(0);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const store = createMemoryStore();
    const upload = createCsvUpload(store, [a, b], 100);
    for (let index = 0; index < 600; index++) await upload.row([`row ${index}`]);
    await upload.abort();
    expect(store.openUploads()).toBe(0);
    expect(store.contents(a)).toBeUndefined();
  });
});

/** A reader of RFC 4180 that knows nothing of the writer. */
function parseCsv(csv: string): string[][] {
  const rows: string[][] = [];
  let cells: string[] = [];
  let at = 0;
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (at < csv.length) {
    cell.lastIndex = at;
    const match = cell.exec(csv);
    if (match === null) throw new Error(`not RFC 4180: ${JSON.stringify(csv.slice(at))}`);
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    at = cell.lastIndex;
    if (match[3] === ',') continue;
    rows.push(cells);
    cells = [];
  }
  return rows;
}
