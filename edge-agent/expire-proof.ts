/** Whether the bucket holds a file's bytes, or, in a `receive` folder, whether they came from there. */
import { hashFile } from '#adapters/host/file-hash.ts';
import { type FileState, sameState } from '#adapters/host/tree.ts';
import { fileKey } from '#core/file-key.ts';
import { compareObject } from '#core/same-content.ts';
import type { FolderContext } from './folder.ts';
import { decodeName, printableName } from './path-bytes.ts';

/**
 * Why the file must not go, or `undefined`. A received file has no object any more: it was proved when it came, and
 * age is what removes it. Any other needs the object that was verified, in the store, now.
 *
 * @throws SyncError when the store cannot be asked
 */
export async function hindranceOf(
  { folder, store, index }: FolderContext,
  path: Buffer,
  fd: number,
  state: FileState,
): Promise<string | undefined> {
  const receives = folder.mode === 'receive';
  const row = index.get(folder.name, path);
  if (row === undefined || row.etag === '')
    return receives ? 'it was not received' : 'it is not in the bucket';
  if (!sameState(row, state))
    return receives ? 'it was changed since it came' : 'it was changed since its upload';
  if (row.state !== 'synced') return `it waits: ${row.lastError}`;
  if (receives) return undefined;
  const key = fileKey(folder.prefix, decodeName(path), printableName(path));
  const head = await store.head(key);
  if (head === undefined) return 'its object is gone';
  if (head.etag !== row.etag || head.sizeBytes !== row.sizeBytes) return 'its object is another';
  if (row.md5 !== '' || row.partBytes > 0) return undefined;
  // The index took the object for the file's by size or time: that is no proof.
  const { verdict } = await compareObject(
    'content',
    { sizeBytes: state.sizeBytes, mtime: '', hash: (partBytes) => hashFile(fd, state.sizeBytes, partBytes) },
    head,
    () => store.partBytes(key, head.etag),
  );
  return verdict === 'same' ? undefined : 'its object is not proved to have the same content';
}
