/** One file of a `mirror` folder: the object becomes what the file is; a file that went is handed to the deletes. */
import { sameState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
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
  /** Set while the bucket may hold files that the index has never seen: they are not sent again. */
  adopting(): Adopting | undefined;
  /** No file has this name any more. */
  onGone(path: Buffer): void;
}

export interface Adopting {
  /** What was found under the key of the file before: what comes next is likely to be so too. */
  found: boolean;
}

/** What is sent in vain costs no more than asking first. */
const SENT_UNASKED_BYTES = 1024 * 1024;

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
  const adopting = row === undefined ? context.adopting() : undefined;
  const unasked = adopting?.found === false && mayBeSentUnasked(context, file);
  if (adopting !== undefined && !unasked && (await adopt(context, path, file, adopting))) {
    return { done: 'unchanged' };
  }
  const copied = await copyFile(context, path, file, row);
  if (copied !== undefined) return { done: copied };
  try {
    await putFile(context, path, file, unasked);
  } catch (error) {
    if (adopting === undefined || !unasked) throw error;
    if (!(error instanceof SyncError) || error.code !== 'PreconditionFailed') throw error;
    if (await adopt(context, path, file, adopting)) return { done: 'unchanged' };
    await putFile(context, path, file, false);
  }
  return { done: 'uploaded' };
}

async function adopt(
  context: MirrorContext,
  path: Buffer,
  file: SettledFile,
  adopting: Adopting,
): Promise<boolean> {
  const verdict = await adoptObject(context, path, file);
  adopting.found = verdict !== 'absent';
  return verdict === 'same';
}

/** Only created, it needs no look before: the store refuses when the key exists. */
function mayBeSentUnasked({ capabilities }: MirrorContext, { state }: SettledFile): boolean {
  return state.sizeBytes <= SENT_UNASKED_BYTES && capabilities()?.conditionalPut === true;
}
