import { describe, expect, it } from 'vitest';
import { imageOf, type LedgerChange } from '#core/journal.ts';
import { objectKey } from '#core/key.ts';
import { detectRenames } from '#core/rename-detection.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const present = (etag: string, sizeBytes = 1) => imageOf(ledgerEntry({ etag, sizeBytes }));
const deleted = imageOf(ledgerEntry({ state: 'deleted', etag: '', sizeBytes: 0 }));

function change(
  key: string,
  before: ReturnType<typeof present> | undefined,
  after: typeof deleted,
): LedgerChange {
  return { key: objectKey(key), atMs: 0, reason: '', ...(before === undefined ? {} : { before }), after };
}

const pairs = (changes: LedgerChange[], hints: [string, string][] = []) =>
  [...detectRenames(changes, new Map(hints.map(([to, from]) => [objectKey(to), objectKey(from)])))].sort();

describe('a rename', () => {
  it('is a key that went and one that came with the same content, in either order', () => {
    const [went, came] = [change('a', present('e'), deleted), change('b', undefined, present('e'))];
    expect(pairs([went, came])).toEqual([['b', 'a']]);
    expect(pairs([came, went])).toEqual([['b', 'a']]);
    expect(pairs([went, change('b', present('other'), present('e'))])).toEqual([['b', 'a']]);
    expect(pairs([went, change('b', deleted, present('e'))])).toEqual([['b', 'a']]);
  });

  it('is none of another ETag, another size, a key that stays, or a key that had the content before', () => {
    const went = change('a', present('e'), deleted);
    expect(pairs([went, change('b', undefined, present('f'))])).toEqual([]);
    expect(pairs([went, change('b', undefined, present('e', 2))])).toEqual([]);
    expect(pairs([change('a', present('e'), present('f')), change('b', undefined, present('e'))])).toEqual(
      [],
    );
    expect(pairs([went, change('b', present('e'), present('e'))])).toEqual([]);
  });

  it('takes what a key was before the batch and is after it', () => {
    const flicker = [change('a', present('e'), deleted), change('a', deleted, present('e'))];
    expect(pairs([...flicker, change('b', undefined, present('e'))])).toEqual([]);
    const twice = [change('a', present('e'), present('f')), change('a', present('f'), deleted)];
    expect(pairs([...twice, change('b', undefined, present('e'))])).toEqual([['b', 'a']]);
  });

  it('pairs each key that went once', () => {
    const changes = [
      change('a', present('e'), deleted),
      change('b', present('e'), deleted),
      ...['x', 'y', 'z'].map((key) => change(key, undefined, present('e'))),
    ];
    expect(pairs(changes)).toEqual([
      ['x', 'a'],
      ['y', 'b'],
    ]);
  });

  it('that somebody tells of comes first', () => {
    const changes = [change('a', present('e'), deleted), change('x', undefined, present('e'))];
    expect(pairs(changes, [['y', 'a']])).toEqual([['y', 'a']]);
    expect(pairs([], [['y', 'a']])).toEqual([['y', 'a']]);
  });
});
