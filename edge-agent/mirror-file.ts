/** One file of a `mirror` folder: the object becomes what the file is; a file that went is handed to the deletes. */
import { sameState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { adoptObject } from './adopt-object.ts';
import { copyFile } from './copy-file.ts';
import { putFile } from './put-file.ts';
import {
  type FileContext,
  isNothing,
  type Looked,
  type SettledFile,
  withSettledFile,
} from './settled-file.ts';
import { forgetSent, mayHaveObject } from './unconfirmed.ts';

export interface MirrorContext extends FileContext {
  /** Set while the bucket may hold files that the index has never seen: they are not sent again. */
  adopting(): Adopting | undefined;
  /** The DELETE of its object has been sent, and not been answered. */
  isBeingDeleted(path: Buffer): boolean;
  /** No file has this name any more. */
  onGone(path: Buffer): void;
}

export interface Adopting {
  /** What was found under the key of the file before: what comes next is likely to be so too. */
  found: boolean;
}

/** What is sent in vain costs no more than asking first. */
const SENT_UNASKED_BYTES = 1024 * 1024;
const BEING_DELETED: Looked = {
  later: 'the object of a file that was here is being deleted',
  delayMs: 1_000,
};

/** @throws SyncError when the store or the filesystem fails; the caller tries again later */
export async function mirrorFile(context: MirrorContext, path: Buffer): Promise<Looked> {
  const { folder, index } = context;
  // With the same bytes it would have the same ETag, and go with the object before.
  if (context.isBeingDeleted(path)) return BEING_DELETED;
  const looked = await withSettledFile(context, path, (file) => bring(context, path, file));
  if ('gone' in looked) {
    const row = index.get(folder.name, path);
    if (row !== undefined && mayHaveObject(context, row)) context.onGone(path);
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
  const done = copied ?? (await put(context, path, file, unasked ? adopting : undefined));
  // From here on the row says what the object is.
  if (row !== undefined && row.state !== 'synced') forgetSent(context, path);
  return { done };
}

/** @param unasked given: only created, and where there is an object, it may be the file's already */
async function put(
  context: MirrorContext,
  path: Buffer,
  file: SettledFile,
  unasked: Adopting | undefined,
): Promise<'uploaded' | 'unchanged'> {
  try {
    await putFile(context, path, file, unasked !== undefined);
  } catch (error) {
    if (unasked === undefined) throw error;
    if (!(error instanceof SyncError) || error.code !== 'PreconditionFailed') throw error;
    const adopted = await adopt(context, path, file, unasked);
    if (!adopted) await putFile(context, path, file, false);
    forgetSent(context, path);
    return adopted ? 'unchanged' : 'uploaded';
  }
  return 'uploaded';
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
