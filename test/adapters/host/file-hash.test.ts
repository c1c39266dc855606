import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createContentHash } from '#adapters/host/content-hash.ts';
import { hashFile } from '#adapters/host/file-hash.ts';
import { temporaryFolder } from './folder.ts';

const MIB = 1024 * 1024;

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** As the manual says it: the MD5 of the parts' MD5s, and how many they are. */
function etagOf(bytes: Buffer, partBytes: number): string {
  const parts: string[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += partBytes) {
    parts.push(md5(bytes.subarray(at, at + partBytes)));
  }
  return `${md5(Buffer.from(parts.join(''), 'hex'))}-${parts.length}`;
}

function fileOf(content: Buffer): { file: string; fd: number } {
  const file = join(temporaryFolder(), 'f');
  writeFileSync(file, content);
  const fd = openSync(file, 'r+');
  onTestFinished(() => closeSync(fd));
  return { file, fd };
}

test('content has one hash, however it is cut into chunks', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }));
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 12 }), (some, partBytes) => {
      const [whole, parts] = [createContentHash(0), createContentHash(partBytes)];
      for (const chunk of some) {
        whole.update(chunk);
        parts.update(chunk);
      }
      const content = Buffer.concat(some);
      expect(whole.digest()).toBe(md5(content));
      expect(parts.digest()).toBe(etagOf(content, partBytes));
    }),
  );
});

test.each([0, 1, MIB, 3 * MIB + 7, 16 * MIB, 20 * MIB + 1])(
  'a file of %i bytes is hashed exactly',
  async (sizeBytes) => {
    const content = Buffer.alloc(sizeBytes, 'sluice');
    const { fd } = fileOf(content);
    expect(await hashFile(fd, sizeBytes, 0)).toBe(md5(content));
    expect(await hashFile(fd, sizeBytes, 5 * MIB)).toBe(etagOf(content, 5 * MIB));
  },
);

test('only the first bytes count when the file has grown, and a file that has shrunk has changed', async () => {
  for (const sizeBytes of [10, 17 * MIB]) {
    const content = Buffer.alloc(sizeBytes, 'x');
    const { file, fd } = fileOf(content);
    ftruncateSync(fd, sizeBytes + 5);
    expect(await hashFile(fd, sizeBytes, 0)).toBe(md5(content));
    truncateSync(file, sizeBytes - 1);
    await expect(hashFile(fd, sizeBytes, 0)).rejects.toMatchObject({ code: 'Changed', retryable: true });
  }
});

test('many large files are hashed side by side', async () => {
  const files = Array.from({ length: 6 }, (_, n) => Buffer.alloc(16 * MIB, n));
  const hashes = await Promise.all(files.map((content) => hashFile(fileOf(content).fd, content.length, 0)));
  expect(hashes).toEqual(files.map(md5));
});

test('a descriptor that cannot be read is an error, not a hash', async () => {
  await expect(hashFile(999_999, 17 * MIB, 0)).rejects.toMatchObject({ code: 'EBADF' });
  await expect(hashFile(999_999, 17, 0)).rejects.toMatchObject({ code: 'EBADF' });
});
