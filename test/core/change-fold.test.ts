import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChangeFold, kindOf, supersedes } from '#core/change-fold.ts';
import type { LedgerChange, LedgerImage } from '#core/journal.ts';
import { objectKey } from '#core/key.ts';
import { compareUtf8 } from '#core/utf8.ts';

const DAY_MS = 86_400_000;

function image(fields: Partial<LedgerImage> = {}): LedgerImage {
  return {
    revision: 1,
    state: 'present',
    etag: 'e',
    versionId: '',
    sizeBytes: 1,
    eventTimeMs: 1_000,
    permissions: '',
    ...fields,
  };
}

const line = (key: string, after: LedgerImage, before?: LedgerImage, atMs = 0): LedgerChange => ({
  key: objectKey(key),
  atMs,
  reason: 'test',
  ...(before === undefined ? {} : { before }),
  after,
});

describe('the fold of a stretch of the journal', () => {
  it('is the first state before and the last state after, whatever the order and number of the lines', () => {
    const states = fc.array(
      fc.record({
        state: fc.constantFrom('present' as const, 'deleted' as const),
        etag: fc.constantFrom('a', 'b'),
        permissions: fc.constantFrom('', '{}'),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const histories = fc.dictionary(fc.constantFrom('a', 'b', '\uffff', '😀'), states);
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.double({ noNaN: true })), (keys, random) => {
        const expected: Record<string, { before: LedgerImage | undefined; after: LedgerImage | undefined }> =
          {};
        const lines = Object.entries(keys).flatMap(([key, history]) => {
          const images = history.map((state, index) => image({ ...state, revision: index + 1 }));
          // The first write made the row, which was before this stretch.
          const stretch = images.slice(1).map((after, index) => line(key, after, images[index], index));
          if (stretch.length > 0) expected[key] = { before: images[0], after: images.at(-1) };
          return stretch.flatMap((one) => (random.next().value > 0 ? [one, one] : [one]));
        });
        const shuffled = lines
          .map((one) => ({ one, rank: random.next().value as number }))
          .sort((left, right) => left.rank - right.rank);
        const fold = createChangeFold();
        for (const { one } of shuffled) fold.add(one);
        expect(fold.sorted()).toEqual(
          Object.keys(expected)
            .sort(compareUtf8)
            .map((key) => ({ key, ...expected[key] })),
        );
        expect(fold.size).toBe(Object.keys(expected).length);
      }),
    );
  });

  it('begins anew where a tombstone was forgotten in between', () => {
    const fold = createChangeFold();
    const tombstone = image({ revision: 7, state: 'deleted', eventTimeMs: 0 });
    const reborn = line('k', image({ revision: 1, eventTimeMs: 31 * DAY_MS }));
    fold.add(reborn);
    fold.add(line('k', tombstone, image({ revision: 6 })));
    expect(fold.sorted()).toEqual([{ key: 'k', before: image({ revision: 6 }), after: reborn.after }]);
    expect(supersedes(reborn.after, tombstone)).toBe(true);
    expect(supersedes(tombstone, reborn.after)).toBe(false);
    expect(supersedes(image({ revision: 1, eventTimeMs: DAY_MS }), tombstone)).toBe(false);
  });

  it('takes the later of two lines that tell of one revision', () => {
    const fold = createChangeFold();
    fold.add(line('k', image({ revision: 2, etag: 'repaired' }), undefined, 5));
    fold.add(line('k', image({ revision: 2, etag: 'told' }), undefined, 4));
    expect(fold.sorted()[0]?.after.etag).toBe('repaired');
  });
});

describe('the kind of a change', () => {
  const deleted = image({ state: 'deleted', etag: '', sizeBytes: 0 });
  it.each([
    ['created', undefined, image()],
    ['created', deleted, image()],
    ['created', image({ state: 'unknown' }), image()],
    ['modified', image(), image({ etag: 'other' })],
    ['modified', image(), image({ eventTimeMs: 2_000 })],
    ['modified', image(), image({ etag: 'other', permissions: '{}' })],
    ['modified', image(), image({ revision: 2 })],
    ['permissions', image(), image({ permissions: '{}', revision: 2 })],
    ['permissions', deleted, { ...deleted, permissions: '{}' }],
    ['permissions', undefined, image({ state: 'unknown', permissions: '{}' })],
    ['restated', image(), image()],
    ['restated', deleted, deleted],
    ['modified', image(), image({ etag: 'repaired in place' })],
    ['deleted', image(), deleted],
    ['deleted', undefined, deleted],
    ['deleted', deleted, { ...deleted, revision: 2 }],
  ] as const)('is %s from %j to %j', (kind, before, after) => {
    expect(kindOf(before === undefined ? { after } : { before, after })).toBe(kind);
  });
});
