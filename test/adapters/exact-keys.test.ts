import { beforeEach, expect, it } from 'vitest';
import { withExactKeys } from '#adapters/exact-keys.ts';
import { isPathLike, type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf, objectStoreContract } from '../contracts/object-store.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const plain = { metadata: {} };
const aliased = { code: 'KeyAliased', retryable: false, hint: expect.any(String) };
const kept = objectKey('a/b');
const ALIASES = ['a//b', '/a/b', './a/b', 'a/./b', 'x/../a/b', 'a/b/.', 'a/b/c/..'].map(objectKey);

/** As a store on a file system has them. */
function asPath(key: ObjectKey): ObjectKey {
  return objectKey(new URL(key.replace(/\/+/g, '/'), 'file:///').pathname.replace(/^\/|\/$/g, ''));
}

function onFileSystem(): ObjectStore {
  const store = createMemoryStore();
  return {
    ...store,
    head: (key) => store.head(asPath(key)),
    put: (key, body, options) => store.put(asPath(key), body, options),
    copy: (key, source, attributes) => store.copy(asPath(key), source, attributes),
    delete: (key, options) => store.delete(asPath(key), options),
    setTags: (key, tags) => store.setTags(asPath(key), tags),
  };
}

let inner: ObjectStore;
let store: ObjectStore;
const keys = async () => (await Array.fromAsync(inner.list(''))).map(({ key }) => String(key));

beforeEach(() => {
  inner = onFileSystem();
  store = withExactKeys(inner);
});

objectStoreContract('a store of which exact keys are asked', async () => withExactKeys(createMemoryStore()));

it.each(ALIASES)('never writes, deletes or takes for %s what is kept under another key', async (alias) => {
  const { etag } = await store.put(kept, Buffer.from('kept'), plain);
  const source = { bucket: store.bucket, key: kept, ifMatch: etag };
  await expect(store.put(alias, Buffer.from('other'), plain)).rejects.toMatchObject(aliased);
  await expect(store.copy(alias, source)).rejects.toMatchObject(aliased);
  await expect(store.delete(alias)).rejects.toMatchObject(aliased);
  await expect(store.delete(alias, { ifMatch: etag })).rejects.toMatchObject(aliased);
  await expect(store.head(alias)).rejects.toMatchObject(aliased);
  await expect(store.setTags(alias, { a: '1' })).rejects.toMatchObject(aliased);
  expect(await contentOf(store, kept)).toBe('kept');
  expect(await keys()).toEqual(['a/b']);
});

it.each(ALIASES)('leaves nothing of %s under another key where nothing was', async (alias) => {
  await expect(store.put(alias, Buffer.from('other'), plain)).rejects.toMatchObject(aliased);
  expect(await keys()).toEqual([]);
});

it('lets such keys be on a store that keeps them apart', async () => {
  const apart = createMemoryStore();
  const exact = withExactKeys(apart);
  await exact.put(kept, Buffer.from('kept'), plain);
  for (const key of ALIASES) {
    const { etag } = await exact.put(key, Buffer.from(key), plain);
    expect(await exact.head(key)).toMatchObject({ etag });
    expect(await exact.delete(key, { ifMatch: etag })).toBe('deleted');
  }
  expect(await contentOf(exact, kept)).toBe('kept');
});

it.each([
  ['a', true],
  ['a/b', true],
  ['a/', true],
  ['.../a', true],
  ['..a/.b/c../d', true],
  ['/', false],
  ['a//', false],
  ['.', false],
  ['..', false],
  ...ALIASES.map((key) => [key, false] as const),
] as const)('takes %s for a path: %s', (key, expected) => {
  expect(isPathLike(key)).toBe(expected);
});
