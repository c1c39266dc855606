import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coveredBy, invalidationBatches, invalidationOfPrefixes } from '#core/invalidation.ts';

const paths = (keys: string[], collapseFrom?: number) => invalidationBatches(keys, collapseFrom).flat();
const numbered = <T>(count: number, name: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => name(index));

describe('the path of a key', () => {
  it.each([
    ['as it is', 'a/b-c_d.e', '/a/b-c_d.e'],
    [
      'with what RFC 1738 calls unsafe encoded',
      'a b"<>#%{}|\\^[]`',
      '/a%20b%22%3C%3E%23%25%7B%7D%7C%5C%5E%5B%5D%60',
    ],
    ['with what else may stand in a path left alone', "a!$&'()/,;:@=", "/a!$&'()/,;:@="],
    ['with a question mark that begins no query', 'a?b', '/a%3Fb'],
    ['with other scripts as UTF-8', 'café/😀', '/caf%C3%A9/%F0%9F%98%80'],
    ['with control characters encoded', 'a\n\u007f', '/a%0A%7F'],
    ['covered up to a tilde', 'js/runtime~main.js', '/js/runtime*'],
    ['covered up to an asterisk', 'a*b/c', '/a*'],
    ['covered up to a plus', 'lib/c++.txt', '/lib/c*'],
    ['covered up to a double slash', 'a//b', '/a*'],
    ['covered up to a leading slash', '/a', '/*'],
  ])('is %s', (_how, key, path) => {
    expect(paths([key])).toEqual([path]);
  });
});

describe('the batches', () => {
  it('name a key once that changed often', () => {
    expect(paths(['a', 'b', 'a'])).toEqual(['/a', '/b']);
    expect(invalidationBatches([])).toEqual([]);
  });

  it('name a directory where many keys changed, and single keys elsewhere', () => {
    const keys = [
      ...numbered(16, (index) => `img/cats/${index}`),
      ...numbered(10, (index) => `img/dogs/${index}`),
      'x',
    ];
    const found = paths(keys);
    expect(found).toHaveLength(12);
    expect(found).toContain('/img/cats/*');
    expect(found).toContain('/img/dogs/3');
    expect(found).toContain('/x');
  });

  it('name the directory above when most of its directories changed as a whole', () => {
    const keys = numbered(16, (directory) => numbered(16, (index) => `site/${directory}/${index}`)).flat();
    expect(paths(keys)).toEqual(['/site/*']);
  });

  it('leave the rest of a distribution alone when changes are scattered over it, while one request holds them', () => {
    const scattered = (count: number) => paths(numbered(count, (index) => `d${index}/f`));
    expect(scattered(100)).toHaveLength(100);
    expect(scattered(3000)).toHaveLength(3000);
    expect(scattered(3001)).toEqual(['/*']);
  });

  it('name nothing below a wildcard again', () => {
    expect(paths(['a/b~c', 'a/b', 'a/bc', 'a/b/c', 'a/c'])).toEqual(['/a/b*', '/a/c']);
  });

  it('hold at most 3,000 files and 15 wildcards each', () => {
    const files = invalidationBatches(
      numbered(7000, (index) => `d${index}/f`),
      10_000,
    );
    expect(files.map((batch) => batch.length)).toEqual([3000, 3000, 1000]);
    const wildcards = invalidationBatches(
      numbered(31, (index) => `d${index}/~`),
      10_000,
    );
    expect(wildcards.map((batch) => batch.length)).toEqual([15, 15, 1]);
  });

  it('of prefixes cover them, the empty one everything', () => {
    expect(invalidationOfPrefixes(['a/', 'b c/', 'a/'])).toEqual([['/a/*', '/b%20c/*']]);
    expect(invalidationOfPrefixes(['a/', ''])).toEqual([['/*']]);
    expect(invalidationOfPrefixes(['v~1/'])).toEqual([['/v*']]);
  });

  it('cover every changed key, whatever the keys, and cost no more than one path each', () => {
    const name = fc.oneof(
      fc.constantFrom('a', 'b', 'c', ''),
      fc.string({ unit: 'binary', maxLength: 3 }).filter((text) => !text.includes('/')),
    );
    const key = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(
        fc.array(key.filter((text) => text !== '')),
        fc.integer({ min: 2, max: 6 }),
        (keys, collapseFrom) => {
          const batches = invalidationBatches(keys, collapseFrom);
          const all = batches.flat();
          for (const batch of batches) {
            const wildcards = batch.filter((path) => path.endsWith('*'));
            expect(wildcards.length).toBeLessThanOrEqual(15);
            expect(batch.length - wildcards.length).toBeLessThanOrEqual(3000);
          }
          const isCovered = coveredBy(all);
          for (const one of [...keys, 'elsewhere', 'a/elsewhere']) {
            expect(isCovered(one)).toBe(all.some((path) => covers(path, ambiguousPart(one))));
          }
          for (const one of keys) expect(all.filter((path) => covers(path, one))).not.toHaveLength(0);
          expect(all.length).toBeLessThanOrEqual(new Set(keys).size);
          expect(new Set(all).size).toBe(all.length);
          for (const path of all) {
            expect(path).toMatch(/^\/[\x21-\x7e]*$/);
            expect(path.slice(0, -1)).not.toContain('*');
            const stems = all
              .filter((other) => other !== path && other.endsWith('*'))
              .map((other) => other.slice(0, -1));
            expect(stems.filter((stem) => path.startsWith(stem))).toEqual([]);
          }
          expect(invalidationBatches(keys.toReversed(), collapseFrom)).toEqual(batches);
          const wild = all.filter((path) => path.endsWith('*'));
          for (const path of wild) {
            const below = [...new Set(keys)].filter((one) => covers(path, one));
            expect(below.length >= collapseFrom || below.some((one) => /[~*+]|^\/|\/\//.test(one))).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** What of a key can be said in one way; a path covers the key when it covers everything that begins with it. */
function ambiguousPart(key: string): string {
  const start = key.search(/[~*+]|^\/|\/\//);
  return start < 0 ? key : key.slice(0, start);
}

/** As the network reads a path: decoded, and as a beginning when it ends with the wildcard. */
function covers(path: string, key: string): boolean {
  const wildcard = path.endsWith('*');
  const text = decodeURIComponent(wildcard ? path.slice(0, -1) : path);
  return wildcard ? `/${key}`.startsWith(text) : `/${key}` === text;
}
