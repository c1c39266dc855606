/** Compares what the index believes with what the bucket lists, in one pass over both in key order. */
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { decodeName } from './path-bytes.ts';
import type { FileContext } from './settled-file.ts';

/** How many rows are looked at before other work gets its turn. */
const ROWS_PER_TURN = 1000;

/**
 * Calls `onWrong` for every synced file whose object is gone or another; the index forgets it first. Objects that no
 * file has are left alone.
 *
 * @throws SyncError when the bucket cannot be listed; nothing is concluded from a listing that ended early
 */
export async function checkBucket(
  { folder, index, store, log, stopping }: FileContext,
  onWrong: (path: Buffer) => void,
): Promise<void> {
  const objects = store.list(folder.prefix)[Symbol.asyncIterator]();
  let object: ObjectSummary | undefined;
  const advance = async () => {
    const next = await objects.next();
    object = next.done === true ? undefined : next.value;
  };
  await advance();
  const wrong: { path: Buffer; key: ObjectKey; what: string }[] = [];
  let turns = 0;
  for (const row of index.below(folder.name, Buffer.alloc(0))) {
    if (stopping.aborted) break;
    const name = decodeName(row.path);
    if (row.state !== 'synced' || name === undefined) continue;
    const key = objectKey(folder.prefix + name);
    while (object !== undefined && compareUtf8(object.key, key) < 0) await advance();
    if (object?.key !== key) wrong.push({ path: row.path, key, what: 'is not in the bucket any more' });
    else if (object.etag !== row.etag) wrong.push({ path: row.path, key, what: 'was changed in the bucket' });
    if (++turns % ROWS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await objects.return?.();
  for (const { path, key, what } of wrong) {
    // Uploads went on while the listing was read: the object alone tells.
    const row = index.get(folder.name, path);
    if (row?.state !== 'synced' || (await store.head(key))?.etag === row.etag) continue;
    log.warn(what, { key });
    index.remove(folder.name, path);
    onWrong(path);
  }
}
