/** Takes an object that is already in the bucket as the file's, if it is: it was synced before there was an index. */
import { hashFile } from '#adapters/host/file-hash.ts';
import { formatTime } from '#core/metadata.ts';
import { compareObject } from '#core/same-content.ts';
import { syncedRow } from './put-file.ts';
import { changed, type FileContext, type SettledFile, tickOver } from './settled-file.ts';

/**
 * `same`: it is in the index now. `other`: the bucket holds something else under the key. `unknown`: the object does
 * not tell enough of its content to be compared.
 */
export async function adoptObject(
  context: FileContext,
  path: Buffer,
  file: SettledFile,
): Promise<'absent' | 'same' | 'other' | 'unknown'> {
  const { folder, store, index, metrics } = context;
  const { fd, key, state } = file;
  const object = await store.head(key);
  if (object === undefined) return 'absent';
  const hashes = new Map<number, string>();
  const compared = {
    sizeBytes: state.sizeBytes,
    mtime: formatTime(state.mtimeNs),
    async hash(partBytes: number) {
      const known = hashes.get(partBytes) ?? (await hashFile(fd, state.sizeBytes, partBytes));
      hashes.set(partBytes, known);
      return known;
    },
  };
  const compare = folder.mode === 'append' ? folder.compare : 'content';
  const { verdict, partBytes } = await compareObject(compare, compared, object, () =>
    store.partBytes(key, object.etag),
  );
  if (verdict !== 'same') return verdict;
  await tickOver(state);
  if (!file.untouched()) throw changed(key);
  index.put(
    syncedRow(context, path, state, {
      etag: object.etag,
      versionId: object.versionId,
      // Of the file's own bytes, or of none: by size or time the object may hold others.
      md5: hashes.get(0) ?? '',
      partBytes,
    }),
  );
  metrics.done(folder.name, 'unchanged', state.sizeBytes);
  return 'same';
}
