/** Objects whose metadata and ETag tell two MD5s. */
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectHead } from '#core/ports.ts';
import { compareObject } from '#core/same-content.ts';

const ETAG = 'e'.repeat(32);
const NAMED = 'a'.repeat(32);
const OTHER = '0'.repeat(32);

async function verdictOn(hash: string, object: Partial<ObjectHead>) {
  const head = {
    ...{ key: objectKey('k'), sizeBytes: 5, lastModifiedMs: 0 },
    ...{ etag: ETAG, metadata: { 'sluice-md5': NAMED }, ...object },
  };
  const file = { sizeBytes: 5, mtime: '', hash: async () => hash };
  return (await compareObject('content', file, head, async () => undefined)).verdict;
}

it.each([
  ['has the MD5 of the ETag counts as the object', ETAG, 'same'],
  ['has the MD5 of the metadata alone may be another', NAMED, 'unknown'],
  ['has neither is another', OTHER, 'other'],
])('a file that %s', async (_promise, hash, verdict) => {
  expect(await verdictOn(hash, { md5: ETAG })).toBe(verdict);
});

it.each([
  [NAMED, 'same'],
  [OTHER, 'other'],
])('the metadata decide where the ETag is no MD5: %s is %s', async (hash, verdict) => {
  expect(await verdictOn(hash, {})).toBe(verdict);
});
