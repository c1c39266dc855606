/**
 * Stores that keep objects as files take some keys for others: `a//b`, `a/./b` and `x/../a/b` for `a/b`, `/a` for `a`.
 * A mirror that wrote one would overwrite the copy of the other, and deleting one would delete it. Only a listing shows
 * under which key an object is kept, so at such keys it is asked before and after.
 */
import { SyncError } from '#core/errors.ts';
import { isPathLike, type ObjectKey } from '#core/key.ts';
import type { ObjectStore, PutResult } from '#core/ports.ts';

/**
 * The store, which throws `KeyAliased` rather than touch an object that it keeps under another key than it was asked
 * for. Other keys cost nothing.
 */
export function withExactKeys<Store extends ObjectStore>(store: Store): Store {
  /** Whether the listing names it; an answer that is no listing of the prefix names other keys. */
  async function isListed(key: ObjectKey): Promise<boolean> {
    try {
      for await (const found of store.list(key)) return found.key === key;
      return false;
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'BadListing') throw error;
      return false;
    }
  }

  async function head(key: ObjectKey) {
    const found = await store.head(key);
    if (found !== undefined && !isPathLike(key) && !(await isListed(key))) throw aliased(store.bucket, key);
    return found;
  }

  /** What was there under another key is known before; what came to be under another key is taken away. */
  async function written(key: ObjectKey, write: () => Promise<PutResult>): Promise<PutResult> {
    if (isPathLike(key)) return write();
    await head(key);
    const result = await write();
    if (await isListed(key)) return result;
    await store.delete(key, { ifMatch: result.etag });
    throw aliased(store.bucket, key);
  }

  return {
    ...store,
    head,
    put: (key, body, options) => written(key, () => store.put(key, body, options)),
    copy: (key, source, attributes) => written(key, () => store.copy(key, source, attributes)),
    completeMultipart: (key, ...rest) => written(key, () => store.completeMultipart(key, ...rest)),
    async delete(key, options) {
      if (!isPathLike(key)) await head(key);
      return store.delete(key, options);
    },
    async setTags(key, tags) {
      if (!isPathLike(key)) await head(key);
      return store.setTags(key, tags);
    },
  };
}

function aliased(bucket: string, key: ObjectKey): SyncError {
  return new SyncError(`${bucket}/${key}: the store keeps it under another key`, {
    op: 'exact-key',
    key,
    retryable: false,
    code: 'KeyAliased',
    hint: 'It is left alone, so that no other object is overwritten. Rename the object: no empty name, `.` or `..` between slashes.',
  });
}
