/**
 * Deletes the object of a file that is gone, if it is what we have put there; what somebody else has made of it stays (I1).
 *
 * That it is somebody else's is said once and for all: nobody deletes it later. So one answer of the store is not enough
 * for it, because whatever stands between may have changed that; HEAD and a listing have to say the same.
 */
import type { IndexRow } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectHead, ObjectStore, ObjectSummary } from '#core/ports.ts';
import type { FileContext } from './settled-file.ts';
import { isSent, sentUnconfirmed } from './unconfirmed.ts';

type Deleting = Pick<FileContext, 'folder' | 'index' | 'store'>;

/**
 * `deleted` also when there is no such object.
 *
 * @throws SyncError what the store throws; `Contradiction`, retryable, when it says one thing here and another there
 */
export async function deleteOurs(
  context: Deleting,
  { path, etag }: Pick<IndexRow, 'path' | 'etag'>,
  key: ObjectKey,
): Promise<'deleted' | 'changed'> {
  const { store } = context;
  if (etag !== '' && (await store.delete(key, { ifMatch: etag })) === 'deleted') return 'deleted';
  const object = await seenTwice(store, key);
  if (object === undefined) return 'deleted';
  // What a try had put there whose reply was lost is ours as well.
  const ours = object.etag === etag || sentUnconfirmed(context, path).some((one) => isSent(object, one));
  if (!ours) return 'changed';
  if ((await store.delete(key, { ifMatch: object.etag })) === 'changed') throw contradiction(key);
  return 'deleted';
}

async function seenTwice(store: ObjectStore, key: ObjectKey): Promise<ObjectHead | undefined> {
  const object = await store.head(key);
  const listed = await listedAs(store, key);
  if (object?.etag !== listed?.etag || object?.sizeBytes !== listed?.sizeBytes) throw contradiction(key);
  return object;
}

/** Of all keys that begin with it, the key itself is the first: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
async function listedAs(store: ObjectStore, key: ObjectKey): Promise<ObjectSummary | undefined> {
  for await (const object of store.list(key)) return object.key === key ? object : undefined;
  return undefined;
}

function contradiction(key: ObjectKey): SyncError {
  return new SyncError(`${key}: the store does not say twice the same of the object to delete`, {
    op: 'delete',
    key,
    retryable: true,
    code: 'Contradiction',
    hint: 'Somebody writes the object at this moment, or something between here and the store changes its answers.',
  });
}
