import { createHash, hash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMd5Lanes, type Md5Lanes, type Md5Stream } from '#adapters/host/md5-lanes.ts';

/** Hands out the content in pieces of so many bytes. */
function streamOf(content: Uint8Array, pieceBytes: number, done: (md5: string) => void): Md5Stream {
  let at = 0;
  return {
    read() {
      const piece = content.subarray(at, at + pieceBytes);
      at += piece.length;
      return piece;
    },
    done,
    failed(error) {
      throw error;
    },
  };
}

/** Each stream begins when a lane is free; so they are seldom at the same place. */
function hashAll(lanes: Md5Lanes, contents: readonly Uint8Array[], pieceBytes: number): string[] {
  const md5s: string[] = [];
  const waiting = contents.map((content, index) =>
    streamOf(content, pieceBytes, (md5) => (md5s[index] = md5)),
  );
  do {
    while (lanes.free() && waiting.length > 0) lanes.begin(waiting.shift() ?? expect.unreachable());
    lanes.step();
  } while (lanes.busy() || waiting.length > 0);
  return md5s;
}

const bytes = (length: number, seed: number) =>
  Buffer.from(
    Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => Math.imul(index + seed, 2654435761))
      .buffer,
  ).subarray(0, length);

const lanes = createMd5Lanes();

test.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 16_384, 16_385, 100_000])(
  'a stream of %i bytes has the MD5 that OpenSSL finds, alone and beside others',
  (length) => {
    const alone = bytes(length, 1);
    expect(hashAll(lanes, [alone], 64)).toEqual([hash('md5', alone)]);
    const contents = Array.from({ length: 8 }, (_, index) => bytes(length, index));
    expect(hashAll(lanes, contents, 64)).toEqual(contents.map((content) => hash('md5', content)));
  },
);

test('whatever the streams, their number and their pieces, each has its own MD5', () => {
  const stream = fc.tuple(fc.nat(70_000), fc.nat()).map(([length, seed]) => bytes(length, seed));
  fc.assert(
    fc.property(fc.array(stream, { maxLength: 20 }), fc.integer({ min: 1, max: 400 }), (contents, blocks) => {
      expect(hashAll(lanes, contents, blocks * 64)).toEqual(contents.map((content) => hash('md5', content)));
    }),
    { numRuns: 50 },
  );
});

test('a length of more than 2^32 bits is counted', () => {
  const piece = bytes(64 * 1024 * 1024, 7);
  const pieces = 9;
  const expected = createHash('md5');
  for (let count = 0; count < pieces; count++) expected.update(piece);
  const found = Array.from({ length: 3 }, () => '');
  for (const index of found.keys()) {
    let left = pieces;
    lanes.begin({
      read: () => (left-- > 0 ? piece : piece.subarray(0, 0)),
      done: (md5) => (found[index] = md5),
      failed: () => expect.unreachable(),
    });
  }
  while (lanes.busy()) lanes.step();
  const md5 = expected.digest('hex');
  expect(found).toEqual([md5, md5, md5]);
});

test('a stream that cannot be read is given up, and the others go on', () => {
  const broken = new Error('the disk is gone');
  const failures: unknown[] = [];
  let reads = 0;
  lanes.begin({
    read() {
      if (reads++ === 2) throw broken;
      return bytes(6400, 3);
    },
    done: () => expect.unreachable(),
    failed: (error) => failures.push(error),
  });
  const contents = [bytes(100_000, 4), bytes(50_000, 5), bytes(70_000, 6)];
  expect(hashAll(lanes, contents, 640)).toEqual(contents.map((content) => hash('md5', content)));
  expect(failures).toEqual([broken]);
});
