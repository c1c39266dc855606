/**
 * What was sent for a file of a `mirror` folder and never confirmed, because the reply was lost or the agent was killed:
 * its object may be in the bucket now. No row can say so, and if the file goes before the next try, the object would be
 * taken for somebody else's and stay. So it is noted, with the writes of the index, until a later try is confirmed or the
 * delete is done; and while it is on its way, for the process after this one.
 *
 * An object is taken for what was sent only when it has its size and everything that travelled with it, the content's
 * MD5 or the file's time to the nanosecond among it: in the place of that file there is no other such object.
 */
import type { HostIndex, IndexRow } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import type { FolderSettings } from '#core/settings/agent.ts';
import { NO_OBJECT } from './folder-work.ts';
import type { FileContext } from './settled-file.ts';

export type Sent = Pick<ObjectHead, 'sizeBytes' | 'metadata'>;
type Noting = Pick<FileContext, 'folder' | 'index'>;

const NOTE = 'sent/';
const NOTHING = Buffer.alloc(0);
const INTERRUPTED = 'the agent was ended while the file was on its way';
/** The last tries of a file that changes all the time; requests do not arrive later than that. */
const MOST = 8;

/**
 * Does the work, and notes what it has sent when it fails.
 *
 * @param work calls `sending` before the request that makes the object
 * @param known tells the index what came of it
 * @throws what `work` and `known` throw
 */
export async function notingSent<Answer, Known>(
  context: Noting,
  path: Buffer,
  work: (sending: (sent: Sent) => void) => Promise<Answer>,
  known: (answer: Answer) => Known,
): Promise<Known> {
  const { folder, index } = context;
  let sent: Sent | undefined;
  const ended: (() => void)[] = [];
  const sending = (one: Sent) => {
    sent = one;
    if (!isDeleting(folder)) return;
    ended.push(index.sending.begin(nameOf(folder.name, path), one));
  };
  try {
    const answer = await work(sending);
    return known(answer);
  } catch (error) {
    // Given back before the request that would have made the object.
    const isFailure = error instanceof SyncError && error.code !== 'Stopped';
    if (isFailure && sent !== undefined) noteSent(context, path, sent);
    throw error;
  } finally {
    for (const end of ended) end();
  }
}

/**
 * Notes what the process before this was sending when it was killed, and has the file looked at. Once, before the first
 * folder is opened.
 */
export function recallSending(index: HostIndex, folders: readonly FolderSettings[]): void {
  const left = new Map<string, Sent[]>();
  for (const [name, value] of index.sending.left()) {
    if (value === undefined) left.delete(name);
    else left.set(name, [value as Sent, ...(left.get(name) ?? [])]);
  }
  for (const folder of folders.filter(isDeleting)) {
    for (const [name, sent] of left) {
      if (name.startsWith(nameOf(folder.name, NOTHING))) recall({ folder, index }, name, sent);
    }
  }
  index.sending.forget();
}

/** @param sent the last first */
function recall({ folder, index }: Noting, name: string, sent: readonly Sent[]): void {
  const path = Buffer.from(name.slice(nameOf(folder.name, NOTHING).length), 'latin1');
  const row = index.get(folder.name, path);
  const known = row?.state === 'synced' ? sent.findIndex((one) => isOfRow(row, one)) : -1;
  const unknown = known === -1 ? sent : sent.slice(0, known);
  if (unknown.length === 0) return;
  for (const one of unknown.toReversed()) noteSent({ folder, index }, path, one);
  const waiting = { state: 'waiting', attempts: 0, nextAttemptMs: 0, lastError: INTERRUPTED } as const;
  index.put({ ...NO_OBJECT, folder: folder.name, path, ...row, ...waiting });
}

/** Whether the index knows it as what the file's object is. */
function isOfRow(row: IndexRow, { sizeBytes, metadata }: Sent): boolean {
  const { md5, mtimeNs } = parseFileMetadata(metadata);
  return (
    row.sizeBytes === sizeBytes &&
    (md5 === undefined || md5 === row.md5) &&
    (mtimeNs === undefined || mtimeNs === row.mtimeNs)
  );
}

/** The last first. */
export function sentUnconfirmed({ folder, index }: Noting, path: Buffer): Sent[] {
  const text = index.note(nameOf(folder.name, path));
  return text === undefined ? [] : (JSON.parse(text) as Sent[]);
}

/** Whether an object of the row's file may be in the bucket that we have put there. */
export function mayHaveObject(context: Noting, { path, etag }: Pick<IndexRow, 'path' | 'etag'>): boolean {
  return etag !== '' || sentUnconfirmed(context, path).length > 0;
}

export function forgetSent({ folder, index }: Noting, path: Buffer): void {
  const name = nameOf(folder.name, path);
  if (index.note(name) !== undefined) index.noteSoon(name, undefined);
}

/** Its object is gone: the process after this one need not look for it. */
export function deletedSent(context: Noting, path: Buffer): void {
  forgetSent(context, path);
  context.index.sending.gone(nameOf(context.folder.name, path));
}

export function isSent(object: ObjectHead, { sizeBytes, metadata }: Sent): boolean {
  const { md5, mtimeNs } = parseFileMetadata(metadata);
  return (
    object.sizeBytes === sizeBytes &&
    (md5 !== undefined || mtimeNs !== undefined) &&
    (md5 === undefined || object.md5 === undefined || object.md5 === md5) &&
    Object.entries(metadata).every(([name, value]) => object.metadata[name] === value)
  );
}

/** Nobody else deletes in the bucket what a folder no longer has. */
function isDeleting(folder: FolderSettings): boolean {
  return folder.mode === 'mirror' && folder.deletes;
}

export function noteSent(context: Noting, path: Buffer, { sizeBytes, metadata }: Sent): void {
  const { folder, index } = context;
  if (!isDeleting(folder)) return;
  const one = JSON.stringify({ sizeBytes, metadata });
  const others = sentUnconfirmed(context, path).map((other) => JSON.stringify(other));
  const all = [one, ...others.filter((other) => other !== one)].slice(0, MOST);
  index.noteSoon(nameOf(folder.name, path), `[${all.join(',')}]`);
}

function nameOf(folder: string, path: Buffer): string {
  return `${NOTE}${folder}/${path.toString('latin1')}`;
}
