/**
 * One key of a `receive` folder: downloaded -> verified -> on the disk under its name -> noted -> removed from the
 * bucket, in this order, each step on the disk before the next (I1).
 *
 * Follows from the present state of object and file alone, so it can be called at any time, any number of times, and
 * be cut off anywhere. No failure leaves part of a file under its name (I2).
 */
import { HIDDEN_DIRECTORY } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { localPlace } from '#core/local-path.ts';
import { type Fetched, fetchFile } from './receive-bytes.ts';
import type { ReceiveContext, Received } from './receive-context.ts';
import { isNameFree, lookAtFile, wayFault } from './receive-local.ts';

/** What the store says when the object is not the one that HEAD has just told of. */
const ABSENT: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound']);
const REPLACED: ReadonlySet<string> = new Set(['PreconditionFailed', ...ABSENT]);

/** @throws SyncError and Node's errors when store or filesystem fail; the object stays, the caller tries again later */
export async function receiveFile(context: ReceiveContext, path: Buffer): Promise<Received> {
  const { folder, root, store } = context;
  const text = folder.prefix + path.toString();
  const place = localPlace(folder.prefix, text, root.path.length, HIDDEN_DIRECTORY);
  if ('refused' in place) return { parked: `the key ${place.refused}`, counts: true };
  if ('placeholder' in place) return { parked: 'stands for a directory and is no file', counts: false };
  const key = objectKey(text);
  requireFolder(context, key);
  const fault = wayFault(root, path);
  try {
    // On a full disk the answer would be asked for in vain; HEAD tells how much room it takes.
    const comesFirst = fault === undefined && isNameFree(root, path) && context.space.fits(0);
    if (comesFirst) return await bringNew(context, path, key);
    const head = await store.head(key);
    if (head === undefined) return gone(context, path);
    if (fault !== undefined) return { parked: fault, counts: true };
    const looked = await lookAtFile(context, path, head);
    const result = looked === 'absent' ? await fetchFile(context, path, key, head) : looked;
    if (typeof result !== 'string' && !('here' in result)) return result;
    return await removeObject(context, key, head.etag);
  } catch (error) {
    if (!(error instanceof SyncError) || !REPLACED.has(error.code ?? '')) throw error;
    return { later: 'was replaced in the bucket', delayMs: 0 };
  }
}

/** Without a HEAD before: the answer that brings the bytes tells all of the object. */
async function bringNew(context: ReceiveContext, path: Buffer, key: ObjectKey): Promise<Received> {
  let fetched: Fetched;
  try {
    fetched = await fetchFile(context, path, key);
  } catch (error) {
    if (!(error instanceof SyncError) || !ABSENT.has(error.code ?? '')) throw error;
    // Before its bytes came or while they did: who looks again will see.
    if ((await context.store.head(key)) !== undefined) throw error;
    return gone(context, path);
  }
  return 'here' in fetched ? await removeObject(context, key, fetched.here.etag) : fetched;
}

async function removeObject(context: ReceiveContext, key: ObjectKey, etag: string): Promise<Received> {
  const { folder, store, log, metrics } = context;
  requireFolder(context, key);
  if ((await store.delete(key, { ifMatch: etag })) === 'changed') {
    return { later: 'was replaced in the bucket', delayMs: 0 };
  }
  log.info('removed from bucket', { key });
  metrics.done(folder.name, 'deleted');
  context.onChanged(key);
  return { done: 'received' };
}

/** The object waits for nothing any more; what was received before stays known. */
function gone({ folder, index }: ReceiveContext, path: Buffer): Received {
  const row = index.get(folder.name, path);
  if (row !== undefined && row.state !== 'synced') {
    if (row.etag === '') index.remove(row.folder, row.path);
    else index.put({ ...row, state: 'synced', attempts: 0, nextAttemptMs: 0, lastError: '' });
  }
  return { done: 'gone' };
}

/** A file that goes to a directory below a mount that is gone is a file that nobody finds. */
function requireFolder(context: ReceiveContext, key: ObjectKey): void {
  const fault = context.fault();
  if (fault === undefined) return;
  throw new SyncError(`${key} waits: ${context.folder.path}: ${fault}`, {
    op: 'receive',
    key,
    retryable: true,
    code: 'Unavailable',
  });
}
