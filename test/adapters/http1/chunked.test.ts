import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createChunkReader } from '#adapters/http1/chunked.ts';

/** What a reader makes of the text when it comes in pieces that end at these places. */
function readAll(text: string, cuts: readonly number[]) {
  const bytes = Buffer.from(text, 'latin1');
  const reader = createChunkReader();
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  let content = '';
  let used = 0;
  let at = 0;
  for (const end of ends) {
    used += reader.read(bytes.subarray(at, end), (piece) => {
      content += piece.toString('latin1');
    });
    at = end;
  }
  return { content, used, done: reader.done };
}

function encode(chunks: readonly string[], extension = '', trailers = ''): string {
  const encoded = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`);
  return `${encoded.join('')}0\r\n${trailers}\r\n`;
}

it('gives back the chunks, however they are cut on the way, and leaves what follows', () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' });
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 5 }),
      fc.constantFrom('', ';name=value', ' ; a'),
      fc.constantFrom('', 'x-amz-a: 1\r\n', 'a: 1\r\nb: 2\r\n'),
      fc.array(fc.nat(400), { maxLength: 30 }),
      (chunks, extension, trailers, cuts) => {
        const text = encode(chunks, extension, trailers);
        const result = readAll(`${text}HTTP/1.1`, cuts);
        expect(result).toEqual({ content: chunks.join(''), used: text.length, done: true });
      },
    ),
  );
});

it('reads byte by byte', () => {
  const text = encode(['hello', '\r\n0\r\n\r\n', 'x'.repeat(300)]);
  const everyByte = Array.from({ length: text.length }, (_, index) => index);
  expect(readAll(text, everyByte)).toMatchObject({
    content: `hello\r\n0\r\n\r\n${'x'.repeat(300)}`,
    done: true,
  });
});

it('is not done before the line after the last chunk', () => {
  expect(readAll('3\r\nabc\r\n0\r\n', [])).toMatchObject({ content: 'abc', done: false });
});

it.each([
  ['a size that is no number', 'zz\r\n'],
  ['a negative size', '-1\r\n'],
  ['a size of none', '\r\n'],
  ['a size beyond all bounds', `${'f'.repeat(20)}\r\n`],
  ['a chunk longer than its size', '3\r\nabcd\r\n'],
  ['a line that ends without CR', '3\nabc'],
  ['a line that does not end', `3;${'x'.repeat(5000)}`],
  ['trailers that do not end', `0\r\n${'a: b\r\n'.repeat(100)}`],
])('refuses %s', (_what, text) => {
  expect(() => readAll(text, [])).toThrow(expect.objectContaining({ code: 'EPROTO' }));
});
