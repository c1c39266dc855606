import { createHash } from 'node:crypto';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { crc32Base64 } from '#adapters/crc32.ts';
import { withHashed } from '#adapters/host/hashed-read.ts';
import { temporaryFolder } from './folder.ts';

const content = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => (index * 7) % 253));

function fileOf(bytes: Buffer): { file: string; fd: number } {
  const file = join(temporaryFolder(), 'f');
  writeFileSync(file, bytes);
  const fd = openSync(file, 'r');
  onTestFinished(() => closeSync(fd));
  return { file, fd };
}

// The first test: the thread is only starting, so that all wait for it, and end at the same moment.
test('many of the same length that come at once are all read', async () => {
  const files = Array.from({ length: 40 }, (_, n) => Buffer.alloc(150_000, n));
  const all = files.map((expected) => {
    const { fd } = fileOf(expected);
    return withHashed(fd, { start: 0, length: expected.length }, async (bytes) => bytes.equals(expected));
  });
  expect(await Promise.all(all)).toEqual(files.map(() => true));
});

test.each([
  [0, content.length],
  [500_000, 300_000],
  [999_999, 4],
  [0, 0],
])('from byte %i it reads exactly %i bytes, with their MD5 and CRC-32', async (start, length) => {
  const { fd } = fileOf(content);
  const expected = content.subarray(start, start + length);
  await withHashed(fd, { start, length }, async (bytes, sums) => {
    expect(bytes.equals(expected)).toBe(true);
    expect(sums).toEqual({
      md5: createHash('md5').update(expected).digest('hex'),
      crc32: crc32Base64(expected),
    });
  });
});

test('what is in use is not overwritten by what is read meanwhile', async () => {
  const files = Array.from({ length: 12 }, (_, n) => Buffer.alloc(200_000 + 1000 * (n % 3), n + 1));
  const allRead = Promise.withResolvers<void>();
  let read = 0;
  const uses = files.map((expected) =>
    withHashed(fileOf(expected).fd, { start: 0, length: expected.length }, async (bytes) => {
      if (++read === files.length) allRead.resolve();
      await allRead.promise;
      return bytes.equals(expected);
    }),
  );
  expect(await Promise.all(uses)).toEqual(files.map(() => true));
});

test('memory is used again, and holds what was read last', async () => {
  const [first, second] = [Buffer.alloc(300_000, 'a'), Buffer.alloc(200_000, 'b')];
  await withHashed(fileOf(first).fd, { start: 0, length: first.length }, async (outer) => {
    const range = { start: 0, length: second.length };
    const memoryOf = (bytes: Buffer) => {
      expect(bytes.equals(second)).toBe(true);
      return bytes.buffer;
    };
    const used = await withHashed(fileOf(second).fd, range, async (bytes) => memoryOf(bytes));
    const again = await withHashed(fileOf(second).fd, range, async (bytes) => memoryOf(bytes));
    expect(again).toBe(used);
    expect(outer.equals(first)).toBe(true);
  });
});

test('memory comes back also when its use failed', async () => {
  const { fd } = fileOf(content);
  const range = { start: 0, length: content.length };
  const failing = withHashed(fd, range, async () => {
    throw new Error('the store is away');
  });
  await expect(failing).rejects.toThrow('the store is away');
  expect(await withHashed(fd, range, async (bytes) => bytes.equals(content))).toBe(true);
});

test('a file that has become shorter has changed, and one that cannot be read is an error', async () => {
  const { file, fd } = fileOf(content);
  truncateSync(file, 10);
  const use = async () => expect.unreachable();
  await expect(withHashed(fd, { start: 0, length: 20 }, use)).rejects.toMatchObject({
    code: 'Changed',
    retryable: true,
    message: 'the file ended at byte 10; 20 were expected',
  });
  await expect(withHashed(999_999, { start: 0, length: 20 }, use)).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'read',
  });
});
