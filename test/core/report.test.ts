import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadsheetText } from '#core/cells.ts';
import { imageOf } from '#core/journal.ts';
import { reportColumns, reportReader, reportRow } from '#core/report.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const iso = (ms: number) => new Date(ms).toISOString();

describe('the state report', () => {
  it('has one cell for each column', () => {
    const names = ['one', 'two'];
    expect(reportColumns(names)).toEqual([
      'key',
      'state',
      'size_bytes',
      'etag',
      'version_id',
      'changed_at',
      'sequencer',
      'revision',
      'permissions',
      'delivered',
      'mirrored_one',
      'mirrored_two',
    ]);
    const mirrors = { one: { sourceEtag: 'etag-1', atMs: 0 } };
    const cells = reportRow(ledgerEntry({ mirrors, versionId: 'v' }), names, iso);
    expect(cells).toEqual([
      'k',
      'present',
      '1',
      'etag-1',
      'v',
      '1970-01-01T00:00:01.000Z',
      '01',
      '1',
      '',
      '',
      'current',
      '',
    ]);
  });

  it('says what the file manager has', () => {
    const delivery = { etag: 'etag-0', permissions: '', atMs: 0 };
    const at = reportColumns([]).indexOf('delivered');
    expect(reportRow(ledgerEntry({ delivery }), [], iso)[at]).toBe('behind');
    expect(reportRow(ledgerEntry({ delivery: { ...delivery, etag: 'etag-1' } }), [], iso)[at]).toBe(
      'current',
    );
  });

  it('gives back what it was made of, whatever the texts', () => {
    const text = fc.string({
      unit: fc.constantFrom("'", '=', '"', ',', '\r', '\n', 'a', '😀'),
      maxLength: 4,
    });
    const entries = fc.record({
      key: text.map((end) => `k${end}`),
      state: fc.constantFrom('present' as const, 'deleted' as const),
      etag: text,
      versionId: text,
      sizeBytes: fc.nat(),
      revision: fc.nat(),
      eventTimeMs: fc.nat({ max: 4e12 }),
      permissions: text.map((json) => ({ json, atMs: 0 })),
    });
    const read = reportReader(reportColumns(['one']), Date.parse, 'state/x.csv');
    fc.assert(
      fc.property(entries, (fields) => {
        const entry = ledgerEntry(fields);
        expect(read(reportRow(entry, ['one'], iso))).toEqual({ key: entry.key, image: imageOf(entry) });
      }),
    );
  });

  it.each([
    ['the same bytes', ledgerEntry({ mirrors: { one: { sourceEtag: 'etag-1', atMs: 0 } } }), 'current'],
    ['an earlier state', ledgerEntry({ mirrors: { one: { sourceEtag: 'etag-0', atMs: 0 } } }), 'behind'],
    ['nothing any more', ledgerEntry({ mirrors: { one: { sourceEtag: '', atMs: 0 } } }), 'gone'],
    [
      'what the hub deleted',
      ledgerEntry({ state: 'deleted', etag: '', mirrors: { one: { sourceEtag: 'etag-0', atMs: 0 } } }),
      'behind',
    ],
    ['not told', ledgerEntry(), ''],
  ])('says of a destination that has %s: %j', (_what, entry, cell) => {
    expect(reportRow(entry, ['one'], iso).at(-1)).toBe(cell);
  });

  it('leaves empty what is not known', () => {
    const entry = ledgerEntry({ state: 'unknown', etag: '', sequencer: '', sizeBytes: 0, eventTimeMs: 0 });
    expect(reportRow(entry, [], iso)).toEqual(['k', 'unknown', '', '', '', '', '', '1', '', '']);
  });

  it('begins no text as a formula, and gives every text back', () => {
    const unit = fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', "'", 'a', '＝');
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const cell = spreadsheetText(text);
        expect(cell).not.toMatch(/^[=+\-@\t\r\n＝]/);
        expect(cell.replace(/^'/, '')).toBe(text);
      }),
    );
  });
});
