import { expect, it } from 'vitest';
import { createTagReader } from '#adapters/source-tags.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectHead } from '#core/ports.ts';

const headOf = (key: string, tagCount?: number): ObjectHead => ({
  key: objectKey(key),
  sizeBytes: 1,
  etag: 'e',
  lastModifiedMs: 0,
  metadata: {},
  ...(tagCount === undefined ? {} : { tagCount }),
});
const refused = new SyncError('refused', { op: 'GetObjectTagging', retryable: false, code: 'AccessDenied' });

function reader(counts: boolean, answer: (nth: number) => Record<string, string> = () => ({})) {
  const asked: string[] = [];
  const tags = async (key: string) => answer(asked.push(key));
  return { asked, read: createTagReader({ tags }, counts) };
}

it('asks once of those that come together, and of none that has no tags after that', async () => {
  const { asked, read } = reader(true);
  await Promise.all(['a', 'b', 'c'].map((key) => read(headOf(key))));
  await read(headOf('d'));
  expect(asked).toEqual(['a']);
});

it('asks of each that has tags', async () => {
  const { asked, read } = reader(true, () => ({ a: '1' }));
  for (const key of ['a', 'b']) expect(await read(headOf(key, 1))).toEqual({ a: '1' });
  expect(asked).toEqual(['a', 'b']);
});

it('asks of each where the store does not count', async () => {
  const { asked, read } = reader(false);
  for (const key of ['a', 'b']) await read(headOf(key));
  expect(asked).toEqual(['a', 'b']);
});

it('takes no count from a store that refuses the tags: none of them is copied without', async () => {
  const { asked, read } = reader(true, () => {
    throw refused;
  });
  const all = await Promise.allSettled(['a', 'b', 'c'].map((key) => read(headOf(key))));
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(read(headOf('d'))).rejects.toBe(refused);
  expect(asked).toEqual(['a', 'b', 'c', 'd']);
});
