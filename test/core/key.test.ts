import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFault, keyFromEvent, objectKey } from '#core/key.ts';
import { compareUtf8, utf8Length } from '#core/utf8.ts';

describe('object keys', () => {
  it.each([
    ['', 'is empty'],
    ['a\ud800', 'is not well-formed Unicode'],
    ['é'.repeat(513), 'has 1026 bytes; S3 allows 1024'],
    ['x'.repeat(1025), 'has 1025 bytes; S3 allows 1024'],
  ])('refuses %j and says why', (text, fault) => {
    expect(keyFault(text)).toBe(fault);
    expect(() => objectKey(text)).toThrow(fault);
  });

  it('takes 1,024 bytes and every odd character', () => {
    for (const text of ['x'.repeat(1024), 'a b', 'a+b', 'a%b', 'a\nb', '\u0001', ' lead', 'trail ', 'a\\b']) {
      expect(objectKey(text)).toBe(text);
    }
  });

  it('decodes event keys as forms: + is a space, %2B a plus', () => {
    expect(keyFromEvent('a+b%2Bc')).toBe('a b+c');
    expect(keyFromEvent('a%20b')).toBe('a b');
    expect(() => keyFromEvent('%E0%A4%A')).toThrow('not percent-encoded');
  });

  it('decodes every key that a store could have encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (key) => {
        const encoded = encodeURIComponent(key).replaceAll('%20', '+');
        expect(keyFromEvent(encoded)).toBe(key);
      }),
    );
  });
});

describe('UTF-8 order', () => {
  it('is the order of the bytes, not of JavaScript strings', () => {
    expect(compareUtf8('\uff5e', '😀')).toBeLessThan(0);
    expect('\uff5e' < '😀').toBe(false);
  });

  it('agrees with a comparison of the encoded bytes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(Math.sign(compareUtf8(left, right))).toBe(
          Buffer.compare(Buffer.from(left), Buffer.from(right)),
        );
        expect(utf8Length(left)).toBe(Buffer.byteLength(left));
      }),
      { numRuns: 1000 },
    );
  });
});
