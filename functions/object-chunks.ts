/** Reads an object piece by piece, each asked for when it is wanted: no connection waits while others are read. */
import type { ObjectStore, ObjectSummary } from '#core/ports.ts';

/** @throws SyncError when the object is no longer the one that is named (`PreconditionFailed`, `NoSuchKey`) */
export async function* objectChunks(
  store: Pick<ObjectStore, 'get'>,
  { key, etag, sizeBytes }: Pick<ObjectSummary, 'key' | 'etag' | 'sizeBytes'>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < sizeBytes; start += chunkBytes) {
    const end = Math.min(sizeBytes, start + chunkBytes) - 1;
    const { body } = await store.get(key, { range: { start, end }, ifMatch: etag });
    yield* body;
  }
}
