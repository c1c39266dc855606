/**
 * One file of a `move` folder: settled -> uploaded -> verified -> removed.
 *
 * Follows from the present state of file and object alone, so it can be called at any time, any number of times, and
 * be cut off anywhere. A file goes only when the store has confirmed its bytes and a HEAD has found them again (I1).
 */
import { removeEmptyParents } from '#adapters/host/empty-parents.ts';
import { removeSafely } from '#adapters/host/trash.ts';
import { sameState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { MD5_METADATA } from '#core/metadata.ts';
import { noteOtherNames } from './older-file.ts';
import { printableName } from './path-bytes.ts';
import { putFile, type SyncedRow } from './put-file.ts';
import {
  changed,
  type FileContext,
  isNothing,
  type Looked,
  type SettledFile,
  withSettledFile,
} from './settled-file.ts';

/** @throws SyncError when the store or the filesystem fails; nothing is lost, the caller tries again later */
export async function moveFile(context: FileContext, path: Buffer): Promise<Looked> {
  const { folder, index } = context;
  const looked = await withSettledFile(context, path, (file) => transfer(context, path, file));
  if ('gone' in looked && isNothing(looked.gone)) index.remove(folder.name, path);
  return looked;
}

async function transfer(context: FileContext, path: Buffer, file: SettledFile): Promise<Looked> {
  const { folder, root, store, index, log, metrics } = context;
  const { key, state } = file;
  const row = knownUpload(context, path, file) ?? (await putFile(context, path, file, false));

  const head = await store.head(key);
  const confirmed =
    head?.etag === row.etag &&
    head.sizeBytes === state.sizeBytes &&
    (row.md5 === '' || head.metadata[MD5_METADATA] === row.md5);
  if (!confirmed) {
    index.remove(folder.name, path);
    throw unconfirmed(key, head === undefined ? 'is not in the bucket' : 'was overwritten in the bucket');
  }
  file.checkpoint();
  noteOtherNames(context.hostStart, state);
  if (removeSafely(root.path, path, file.fd, state) === 'changed') throw changed(key);
  index.remove(folder.name, path);
  log.info('removed', { key });
  metrics.done(folder.name, 'removed', state.sizeBytes);
  for (const directory of removeEmptyParents(root.path, path)) {
    log.info('removed directory', { key: `${folder.prefix}${printableName(directory)}/` });
  }
  return { done: 'moved' };
}

/** What an earlier try uploaded, if the file is still the same; a crash after the upload costs no second one. */
function knownUpload(
  { folder, index }: FileContext,
  path: Buffer,
  { state }: SettledFile,
): Pick<SyncedRow, 'etag' | 'md5'> | undefined {
  const row = index.get(folder.name, path);
  return row !== undefined && row.etag !== '' && sameState(row, state) ? row : undefined;
}

function unconfirmed(key: string, what: string): SyncError {
  return new SyncError(`${key} ${what} after its upload; the file stays`, {
    op: 'move',
    key,
    retryable: true,
    code: 'Unconfirmed',
  });
}
