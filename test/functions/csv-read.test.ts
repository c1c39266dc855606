import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCsv } from '../../functions/csv-read.ts';
import { csvText } from '../../functions/csv-upload.ts';

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rowsOf(bytes: Uint8Array, size = 7): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const row of readCsv(inChunks(bytes, size), 'state/x.csv')) rows.push(row);
  return rows;
}

describe('reading a CSV', () => {
  it('gives back what was written, however it is cut into chunks', async () => {
    const unit = fc.constantFrom('"', ',', '\r', '\n', '\r\n', ' ', "'", '\ufeff', 'é', '😀');
    const rows = fc.array(fc.array(fc.string({ unit, maxLength: 5 }), { minLength: 2, maxLength: 4 }), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 9 }), async (given, size) => {
        expect(await rowsOf(Buffer.from(csvText(given)), size)).toEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  it('gives what another reader gives', async () => {
    const unit = fc.constantFrom('"', ',', '\r', '\n', "'", 'é', '😀', '=');
    const rows = fc.array(fc.array(fc.string({ unit, maxLength: 5 }), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        const text = csvText(given);
        expect(await rowsOf(Buffer.from(text))).toEqual(parse(text, { record_delimiter: '\r\n' }));
      }),
    );
  });

  it.each([
    ['a row without its end', 'a,b\r\nc,d'],
    ['a quote that is not closed', 'a,"b\r\nc,d\r\n'],
    ['a quote within a cell', 'a,b"c\r\n'],
    ['a bare line feed', 'a,b\nc,d\r\n'],
    ['text after a quote', '"a"b,c\r\n'],
  ])('refuses %s, naming the file', async (_what, text) => {
    await expect(rowsOf(Buffer.from(text))).rejects.toThrow('state/x.csv ends within a row');
  });

  it('refuses bytes that are not UTF-8, also at the very end', async () => {
    await expect(rowsOf(Buffer.from([0x61, 0xff, 0x0d, 0x0a]))).rejects.toThrow('is not UTF-8');
    await expect(rowsOf(Buffer.from([0x61, 0x0d, 0x0a, 0xc3]))).rejects.toThrow('is not UTF-8');
  });
});
