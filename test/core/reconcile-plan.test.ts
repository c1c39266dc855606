import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectSummary } from '#core/ports.ts';
import {
  compareCopies,
  compareLedger,
  isDeliveryBehind,
  joinByKey,
  type Sighting,
  withoutPrefix,
} from '#core/reconcile-plan.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const MD5 = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const PARTS = `${MD5}-2`;

function summary(key: string, etag = MD5, sizeBytes = 1): ObjectSummary {
  return { key: objectKey(key), sizeBytes, etag, lastModifiedMs: 0 };
}

const noted = (sourceEtag: string, targetEtag?: string) =>
  ledgerEntry({
    mirrors: { one: { sourceEtag, ...(targetEtag === undefined ? {} : { targetEtag }), atMs: 0 } },
  });

describe('comparing a destination', () => {
  const rows: [string, Partial<Sighting>, { deletes?: boolean; ledger?: boolean }, string][] = [
    ['neither has it', {}, {}, 'nothing'],
    ['neither has it any more', { entry: noted(MD5, MD5) }, {}, 'nothing'],
    ['only the destination has it', { destination: summary('k') }, {}, 'delete'],
    [
      'only the destination has it, and keeps it',
      { destination: summary('k') },
      { deletes: false },
      'nothing',
    ],
    ['only the hub has it', { hub: summary('k') }, {}, 'copy'],
    ['only the hub has it, whatever was noted', { hub: summary('k'), entry: noted(MD5, MD5) }, {}, 'copy'],
    [
      'sizes differ',
      { hub: summary('k'), destination: summary('k', MD5, 2), entry: noted(MD5, MD5) },
      {},
      'copy',
    ],
    [
      'one MD5, noted',
      { hub: summary('k'), destination: summary('k'), entry: noted(MD5, MD5) },
      {},
      'nothing',
    ],
    ['one MD5, not noted', { hub: summary('k'), destination: summary('k') }, {}, 'record'],
    [
      'one MD5, noted before it was written again',
      { hub: { ...summary('k'), lastModifiedMs: 1 }, destination: summary('k'), entry: noted(MD5, MD5) },
      {},
      'record',
    ],
    [
      'one MD5, noted before it was written again, where nothing is noted',
      { hub: { ...summary('k'), lastModifiedMs: 1 }, destination: summary('k'), entry: noted(MD5, MD5) },
      { ledger: false },
      'nothing',
    ],
    [
      'one MD5, another noted',
      { hub: summary('k'), destination: summary('k'), entry: noted(OTHER, MD5) },
      {},
      'record',
    ],
    [
      'one MD5, and no ledger',
      { hub: summary('k'), destination: summary('k') },
      { ledger: false },
      'nothing',
    ],
    [
      'other ETags, noted',
      { hub: summary('k', PARTS), destination: summary('k'), entry: noted(PARTS, MD5) },
      {},
      'nothing',
    ],
    ['other ETags, not noted', { hub: summary('k', PARTS), destination: summary('k') }, {}, 'copy'],
    [
      'equal ETags that are no MD5',
      { hub: summary('k', PARTS), destination: summary('k', PARTS) },
      {},
      'copy',
    ],
    [
      'the hub changed',
      { hub: summary('k', OTHER), destination: summary('k'), entry: noted(MD5, MD5) },
      {},
      'copy',
    ],
    [
      'the destination changed',
      { hub: summary('k'), destination: summary('k', OTHER), entry: noted(MD5, MD5) },
      {},
      'copy',
    ],
    [
      'noted without the ETag of the copy',
      { hub: summary('k', PARTS), destination: summary('k'), entry: noted(PARTS) },
      {},
      'copy',
    ],
  ];
  it.each(rows)('%s', (_name, seen, settings, expected) => {
    const all = { name: 'one', deletes: true, ledger: true, ...settings };
    expect(compareCopies({ key: objectKey('k'), ...seen }, all).do).toBe(expected);
  });
});

describe('comparing the ledger', () => {
  const hub = summary('k', 'etag-1', 1);
  const at = (lastModifiedMs: number) => ({ ...hub, lastModifiedMs });
  const rows: [string, Partial<Sighting>, boolean][] = [
    ['neither has it', {}, false],
    ['the hub lacks it, deleted', { entry: ledgerEntry({ state: 'deleted' }) }, false],
    ['the hub lacks it, unknown', { entry: ledgerEntry({ state: 'unknown' }) }, true],
    ['the hub lacks it, present', { entry: ledgerEntry() }, true],
    ['the hub has it, no row', { hub }, true],
    ['the hub has it, unknown', { hub, entry: ledgerEntry({ state: 'unknown' }) }, true],
    ['the hub has it, deleted', { hub, entry: ledgerEntry({ state: 'deleted' }) }, true],
    ['the hub has it, another ETag', { hub, entry: ledgerEntry({ etag: 'etag-2' }) }, true],
    ['the hub has it, another size', { hub, entry: ledgerEntry({ sizeBytes: 2 }) }, true],
    ['both have it', { hub, entry: ledgerEntry() }, false],
    [
      'both have it, as the clocks have it',
      { hub: at(3_000), entry: ledgerEntry({ eventTimeMs: 1_000 }) },
      false,
    ],
    ['both have it, written again', { hub: at(3_001), entry: ledgerEntry({ eventTimeMs: 1_000 }) }, true],
  ];
  it.each(rows)('%s', (_name, seen, look) => {
    expect(compareLedger({ key: objectKey('k'), ...seen }) !== undefined).toBe(look);
  });
});

describe('a delivery is behind', () => {
  const delivery = { etag: 'etag-1', permissions: '{"a":1}', atMs: 0 };
  const permissions = { json: '{"a":1}', atMs: 0 };
  const rows: [string, LedgerEntry | undefined, boolean][] = [
    ['never without a row', undefined, false],
    ['never while only a mirror has told', ledgerEntry({ state: 'unknown' }), false],
    ['when there was none', ledgerEntry(), true],
    ['when it was of another ETag', ledgerEntry({ delivery: { ...delivery, etag: 'old' } }), true],
    ['not when it was of this one', ledgerEntry({ delivery }), false],
    [
      'when other permissions were told',
      ledgerEntry({ delivery, permissions: { json: '{}', atMs: 1 } }),
      true,
    ],
    ['not when these were', ledgerEntry({ delivery, permissions }), false],
    ['when the file manager still has what is deleted', ledgerEntry({ state: 'deleted', delivery }), true],
    ['not when it was told', ledgerEntry({ state: 'deleted', delivery: { ...delivery, etag: '' } }), false],
    ['not when it never had it', ledgerEntry({ state: 'deleted' }), false],
  ];
  it.each(rows)('%s', (_name, entry, behind) => {
    expect(isDeliveryBehind(entry)).toBe(behind);
  });
});

describe('joining by key', () => {
  it('sees every key of every side once, in the order of UTF-8 bytes, whatever its characters', async () => {
    const unit = fc.constantFrom(
      'a',
      'b',
      '/',
      '.',
      ' ',
      '+',
      '%',
      'é',
      '\uff5e',
      '😀',
      '\u0001',
      '\u{10ffff}',
      '\ue000',
    );
    const names = fc.uniqueArray(fc.string({ unit, minLength: 1, maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(names, names, names, async (hub, destination, entries) => {
        const joined = await Array.fromAsync(
          joinByKey({
            hub: sorted(hub, (key) => summary(key)),
            destination: sorted(destination, (key) => summary(key)),
            entries: sorted(entries, (key) => ledgerEntry({ key })),
          }),
        );
        const expected = [...new Set([...hub, ...destination, ...entries])].sort((left, right) =>
          Buffer.compare(Buffer.from(left), Buffer.from(right)),
        );
        expect(joined.map(({ key }) => key as string)).toEqual(expected);
        for (const { key, ...seen } of joined) {
          expect([seen.hub?.key, seen.destination?.key, seen.entry?.key]).toEqual([
            hub.includes(key) ? key : undefined,
            destination.includes(key) ? key : undefined,
            entries.includes(key) ? key : undefined,
          ]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('leaves out the keys of Sluice itself', async () => {
    const own = ['.sluice/owners/a', 'dir/.sluice-probe-1', 'z'];
    const joined = await Array.fromAsync(joinByKey({ hub: sorted(own, (key) => summary(key)) }));
    expect(joined.map(({ key }) => key)).toEqual(['z']);
  });

  it.each([
    ['the hub', 'hub'],
    ['the destination', 'destination'],
    ['the ledger', 'entries'],
  ])(
    'concludes nothing from %s when its listing is not in order, or tells a key twice',
    async (name, side) => {
      for (const keys of [
        ['b', 'a'],
        ['a', 'a'],
        ['😀', '\uff5e'],
      ]) {
        const odd = from(keys.map((key) => (side === 'entries' ? ledgerEntry({ key }) : summary(key))));
        const sources = { hub: sorted<ObjectSummary>([], summary), [side]: odd };
        const joined = Array.fromAsync(joinByKey(sources));
        await expect(joined).rejects.toMatchObject({
          code: 'BadListing',
          message: expect.stringContaining(name),
        });
      }
    },
  );

  it('closes every listing when it is stopped early', async () => {
    const closed: string[] = [];
    async function* listing(name: string) {
      try {
        for (let index = 0; ; index++) yield summary(`${name}${String(index).padStart(4, '0')}`);
      } finally {
        closed.push(name);
      }
    }
    for await (const _one of joinByKey({ hub: listing('a'), destination: listing('b') })) break;
    expect(closed.sort()).toEqual(['a', 'b']);
  });

  it('takes the prefix off the keys of a destination, and what is named as the prefix for no key', async () => {
    const listing = from([summary('copy/'), summary('copy/a'), summary('copy/copy/b')]);
    const keys = (await Array.fromAsync(withoutPrefix(listing, 'copy/'))).map(({ key }) => key);
    expect(keys).toEqual(['a', 'copy/b']);
  });
});

async function* from<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

function sorted<Item extends { key: ObjectKey }>(keys: readonly string[], make: (key: string) => Item) {
  return from([...keys].sort(compareUtf8).map((key) => make(key)));
}
