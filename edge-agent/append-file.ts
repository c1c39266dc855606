/** One file of an `append` folder: uploaded if the bucket has nothing under its key. Nothing is ever overwritten. */
import { sameState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { adoptObject } from './adopt-object.ts';
import { putFile } from './put-file.ts';
import {
  type FileContext,
  isNothing,
  type Looked,
  type SettledFile,
  withSettledFile,
} from './settled-file.ts';

/** @throws SyncError when the store or the filesystem fails; the caller tries again later */
export async function appendFile(context: FileContext, path: Buffer): Promise<Looked> {
  const { folder, index } = context;
  const looked = await withSettledFile(context, path, (file) => add(context, path, file));
  if ('gone' in looked && isNothing(looked.gone)) index.remove(folder.name, path);
  return looked;
}

async function add(context: FileContext, path: Buffer, file: SettledFile): Promise<Looked> {
  const { folder, index } = context;
  const row = index.get(folder.name, path);
  if (row?.state === 'synced' && sameState(row, file.state)) return { done: 'unchanged' };
  const found = await adoptObject(context, path, file);
  if (found === 'same') return { done: 'unchanged' };
  if (found !== 'absent') return conflict(folder.compare, found);
  try {
    await putFile(context, path, file, true);
    return { done: 'uploaded' };
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'PreconditionFailed') throw error;
    return { later: 'somebody else has just written the object', delayMs: 0 };
  }
}

function conflict(compare: string, found: 'other' | 'unknown'): Looked {
  const what =
    found === 'other'
      ? 'the bucket holds another object'
      : 'the bucket holds an object that cannot be compared';
  return { parked: `conflict: ${what} under its key (compare: ${compare}); append never overwrites` };
}
