import { describe, expect, it } from 'vitest';
import { count, noTotals } from '#core/report-totals.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const at = (sourceEtag: string) => ({ one: { sourceEtag, atMs: 0 } });
const deleted = { state: 'deleted' as const, etag: '', sizeBytes: 0 };

describe('the totals of a full state', () => {
  it('count objects, bytes and tombstones', () => {
    const totals = noTotals([]);
    for (const entry of [
      ledgerEntry({ sizeBytes: 5 }),
      ledgerEntry({ sizeBytes: 7 }),
      ledgerEntry(deleted),
      ledgerEntry({ state: 'unknown', sizeBytes: 0 }),
    ]) {
      count(totals, entry);
    }
    expect(totals).toMatchObject({ objects: 2, bytes: 12, tombstones: 1 });
  });

  it.each([
    ['current', ledgerEntry({ mirrors: at('etag-1') }), 'current'],
    ['behind', ledgerEntry({ mirrors: at('etag-0') }), 'behind'],
    ['gone', ledgerEntry({ mirrors: at('') }), 'gone'],
    ['untold', ledgerEntry(), 'untold'],
    [
      'behind, when it still has what was deleted',
      ledgerEntry({ ...deleted, mirrors: at('etag-1') }),
      'behind',
    ],
    ['right, when it has lost what was deleted', ledgerEntry({ ...deleted, mirrors: at('') }), undefined],
    ['right, when it never had what was deleted', ledgerEntry(deleted), undefined],
  ])('say that a destination is %s', (_what, entry, field) => {
    const totals = noTotals(['one']);
    count(totals, entry);
    const { oldestBehindMs, ...counts } = totals.destinations.one ?? {};
    const expected = {
      current: 0,
      behind: 0,
      gone: 0,
      untold: 0,
      ...(field === undefined ? {} : { [field]: 1 }),
    };
    expect(counts).toEqual(expected);
    expect(oldestBehindMs).toBe(field === undefined || field === 'current' ? 0 : entry.eventTimeMs);
  });

  it('say since when the oldest change is missing', () => {
    const totals = noTotals(['one']);
    for (const eventTimeMs of [3_000, 1_000, 2_000]) count(totals, ledgerEntry({ eventTimeMs }));
    expect(totals.destinations.one?.oldestBehindMs).toBe(1_000);
  });
});
