import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applied, judgeDrift } from '#core/drift.ts';
import type { LedgerImage } from '#core/journal.ts';

function image(revision: number, etag: string, fields: Partial<LedgerImage> = {}): LedgerImage {
  const size = { versionId: '', sizeBytes: etag.length, eventTimeMs: 1_000, permissions: '' };
  return { revision, state: etag === '' ? 'deleted' : 'present', etag, ...size, ...fields };
}

const [one, two, three, four] = [image(1, 'a'), image(2, 'bb'), image(3, 'ccc'), image(4, 'dddd')];
const gone = image(3, '');

describe('a row of the scan', () => {
  it.each([
    ['as it was when the scan began', one, three, one, 'as expected'],
    ['as it was told last', one, three, three, 'as expected'],
    ['from in between', one, three, two, 'in flight'],
    ['deleted in between', one, four, gone, 'in flight'],
    ['not yet there', undefined, two, undefined, 'as expected'],
    ['there when it was made during the scan', undefined, three, two, 'in flight'],
    ['without a row, as its tombstone was forgotten', gone, gone, undefined, 'as expected'],
    ['a tombstone that nobody told of', undefined, undefined, gone, 'as expected'],
    ['known from a mirror only', undefined, undefined, image(0, '', { state: 'unknown' }), 'as expected'],
    ['written again with nothing new', one, one, image(2, 'a'), 'as expected'],
  ])('that is %s is no drift', (_what, least, most, row, verdict) => {
    expect(judgeDrift({ least, most }, row)).toBe(verdict);
  });

  it.each([
    ['newer than all that was told', one, two, three, 'a change that the journal does not tell'],
    ['unheard of', undefined, undefined, one, 'a change that the journal does not tell'],
    ['deleted, which was not told', one, two, gone, 'a change that the journal does not tell'],
    ['older than when the scan began', two, three, one, 'the ledger has lost a change'],
    ['missing', one, two, undefined, 'the ledger has lost the row'],
    [
      'of a told revision, with another ETag',
      one,
      two,
      image(2, 'x'),
      'other contents than the journal tells',
    ],
    [
      'of a told revision, with other permissions',
      one,
      one,
      { ...one, permissions: '{}' },
      'other contents than the journal tells',
    ],
  ])('that is %s is drift', (_what, least, most, row, drift) => {
    expect(judgeDrift({ least, most }, row)).toEqual({ drift });
  });

  it('is never drift whenever it was read while a told history went on, and always when a line was lost after it', () => {
    const history = fc
      .array(fc.constantFrom('', 'a', 'b', 'c'), { minLength: 1, maxLength: 8 })
      .map((etags) => etags.map((etag, index) => image(index + 1, etag, { eventTimeMs: index })));
    fc.assert(
      fc.property(history, fc.nat(), fc.nat(), fc.nat(), fc.boolean(), (images, a, b, c, lose) => {
        const [old, began, read] = [a, b, c].map((n) => n % images.length).sort((x, y) => x - y);
        if (old === undefined || began === undefined || read === undefined)
          throw new Error('three were made');
        const told = lose ? images.slice(0, read) : images;
        const upTo = (end: number) =>
          told
            .slice(0, end + 1)
            .toReversed()
            .reduce<LedgerImage | undefined>(applied, told[Math.min(old, told.length - 1)]);
        const verdict = judgeDrift({ least: upTo(began), most: upTo(images.length - 1) }, images[read]);
        // Of two tombstones the second changes nothing.
        const unseen = !lose || (images[read]?.etag === '' && (told.at(-1)?.etag ?? '') === '');
        if (unseen) expect(verdict).not.toHaveProperty('drift');
        else expect(verdict).toHaveProperty('drift');
      }),
      { numRuns: 500 },
    );
  });
});
