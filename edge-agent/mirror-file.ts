/** One file of a `mirror` folder: the object becomes what the file is; a file that went is handed to the deletes. */
import { sameState } from '#adapters/host/tree.ts';
import { adoptObject } from './adopt-object.ts';
import { copyFile, putFile } from './put-file.ts';
import {
  type FileContext,
  isNothing,
  type Looked,
  type SettledFile,
  withSettledFile,
} from './settled-file.ts';

export interface MirrorContext extends FileContext {
  /** The bucket may hold files that the index has never seen: look before uploading. */
  adopting(): boolean;
  /** No file has this name any more. */
  onGone(path: Buffer): void;
}

/** @throws SyncError when the store or the filesystem fails; the caller tries again later */
export async function mirrorFile(context: MirrorContext, path: Buffer): Promise<Looked> {
  const { folder, index } = context;
  const looked = await withSettledFile(context, path, (file) => bring(context, path, file));
  if ('gone' in looked) {
    if ((index.get(folder.name, path)?.etag ?? '') !== '') context.onGone(path);
    else if (isNothing(looked.gone)) index.remove(folder.name, path);
  }
  return looked;
}

async function bring(context: MirrorContext, path: Buffer, file: SettledFile): Promise<Looked> {
  const { folder, index } = context;
  const row = index.get(folder.name, path);
  if (row?.state === 'synced' && sameState(row, file.state)) return { done: 'unchanged' };
  if (row === undefined && context.adopting() && (await adoptObject(context, path, file)) === 'same') {
    return { done: 'unchanged' };
  }
  const copied = await copyFile(context, path, file, row);
  if (copied !== undefined) return { done: copied };
  await putFile(context, path, file, false);
  return { done: 'uploaded' };
}
