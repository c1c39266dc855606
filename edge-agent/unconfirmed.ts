/**
 * What was sent for a file of a `mirror` folder and never confirmed, because the reply was lost: its object may be in the
 * bucket now. No row can say so, and if the file goes before the next try, the object would be taken for somebody
 * else's and stay. So it is noted, with the writes of the index, until a later try is confirmed or the delete is done.
 *
 * An object is taken for what was sent only when it has its size and everything that travelled with it, the content's
 * MD5 or the file's time to the nanosecond among it: in the place of that file there is no other such object.
 */
import type { IndexRow } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import type { FileContext } from './settled-file.ts';

export type Sent = Pick<ObjectHead, 'sizeBytes' | 'metadata'>;
type Noting = Pick<FileContext, 'folder' | 'index'>;

const NOTE = 'sent/';
/** The last tries of a file that changes all the time; requests do not arrive later than that. */
const MOST = 8;

/**
 * Does the work, and notes what it has sent when it fails.
 *
 * @param sent asked then; `undefined`: nothing had been sent
 * @throws what `work` throws
 */
export async function notingSent<Answer>(
  context: Noting,
  path: Buffer,
  sent: () => Sent | undefined,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const one = sent();
    // Given back before the request that would have made the object.
    const isFailure = error instanceof SyncError && error.code !== 'Stopped';
    if (isFailure && one !== undefined) noteSent(context, path, one);
    throw error;
  }
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
function noteSent(context: Noting, path: Buffer, { sizeBytes, metadata }: Sent): void {
  const { folder, index } = context;
  if (folder.mode !== 'mirror' || !folder.deletes) return;
  const one = JSON.stringify({ sizeBytes, metadata });
  const others = sentUnconfirmed(context, path).map((other) => JSON.stringify(other));
  const all = [one, ...others.filter((other) => other !== one)].slice(0, MOST);
  index.noteSoon(nameOf(folder.name, path), `[${all.join(',')}]`);
}

function nameOf(folder: string, path: Buffer): string {
  return `${NOTE}${folder}/${path.toString('latin1')}`;
}
