/** What the folder holds already under the name of a key. */
import { closeSync, fsync, lstatSync } from 'node:fs';
import { promisify } from 'node:util';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { IndexRow } from '#adapters/host/index-db.ts';
import { isSystemError } from '#adapters/host/libc.ts';
import { openExisting } from '#adapters/host/parent.ts';
import {
  type FileState,
  joinPath,
  type OpenRoot,
  openFile,
  pathError,
  sameState,
  statOf,
} from '#adapters/host/tree.ts';
import type { ObjectHead } from '#core/ports.ts';
import { compareObject } from '#core/same-content.ts';
import type { Downloaded } from './download.ts';
import type { ReceiveContext, Received } from './receive-context.ts';

const BUSY: Received = { later: 'the file of its name is open for writing', delayMs: 2_000 };
const fsyncNow = promisify(fsync);

/** Whether nothing has the name of the file. */
export function isNameFree(root: OpenRoot, path: Buffer): boolean {
  return lstatSync(joinPath(root.path, path), { throwIfNoEntry: false }) === undefined;
}

/** Why no file can be at this path, before anything is downloaded. */
export function wayFault(root: OpenRoot, path: Buffer): string | undefined {
  try {
    closeSync(openExisting(root.path, directoryOf(path)).fd);
    return undefined;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ENOTDIR' || error.code === 'ELOOP')
      return 'a directory on its way is a file or a symlink';
    throw pathError('open', path, error);
  }
}

/** `here`: the object's content is in the folder, on the disk and noted. `absent`: no file, or another. */
export async function lookAtFile(
  context: ReceiveContext,
  path: Buffer,
  head: ObjectHead,
): Promise<'here' | 'absent' | Received> {
  const { store } = context;
  return await withLocalFile(context, path, async (fd, state) => {
    const row = knownRow(context, path, state);
    if (row !== undefined) return row.etag === head.etag ? 'here' : 'absent';
    if (state.sizeBytes !== head.sizeBytes) return 'absent';
    const { verdict } = await compareObject(
      'content',
      { sizeBytes: state.sizeBytes, mtime: '', hash: (parts) => hashFile(fd, state.sizeBytes, parts) },
      head,
      () => store.partBytes(head.key, head.etag),
    );
    return verdict === 'same' ? await adopt(context, path, fd, state, head) : 'absent';
  });
}

/** As `lookAtFile`, with the downloaded content at hand, for objects whose ETag proves nothing. */
export async function lookAgain(
  context: ReceiveContext,
  path: Buffer,
  head: ObjectHead,
  content: Downloaded,
): Promise<'here' | 'absent' | Received> {
  return await withLocalFile(context, path, async (fd, state) => {
    if (knownRow(context, path, state) !== undefined || state.sizeBytes !== head.sizeBytes) return 'absent';
    if ((await hashFile(fd, state.sizeBytes, content.partBytes)) !== content.hash) return 'absent';
    return await adopt(context, path, fd, state, head);
  });
}

/** The row of an earlier receive, if nobody has touched the file since. */
export function knownRow(
  { folder, index }: ReceiveContext,
  path: Buffer,
  state: FileState,
): IndexRow | undefined {
  const row = index.get(folder.name, path);
  return row !== undefined && row.etag !== '' && sameState(row, state) ? row : undefined;
}

/** Answers when it is on the disk. */
export async function noteReceived(
  { folder, index, noted }: ReceiveContext,
  path: Buffer,
  { dev, ino, sizeBytes, mtimeNs, ctimeNs }: FileState,
  head: ObjectHead,
  content?: Downloaded,
): Promise<void> {
  index.put({
    folder: folder.name,
    path,
    dev,
    ino,
    sizeBytes,
    mtimeNs,
    ctimeNs,
    md5: content?.partBytes === 0 ? content.hash : '',
    partBytes: content?.partBytes ?? 0,
    etag: head.etag,
    versionId: head.versionId ?? '',
    state: 'synced',
    attempts: 0,
    nextAttemptMs: 0,
    lastError: '',
  });
  await noted();
}

export function directoryOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf('/')));
}

/**
 * The file has the object's content, whoever wrote it: a crash may have come between placing it and noting it. So
 * neither it nor its name need be on the disk yet.
 */
async function adopt(
  context: ReceiveContext,
  path: Buffer,
  fd: number,
  state: FileState,
  head: ObjectHead,
): Promise<'here' | 'absent'> {
  await fsyncNow(fd);
  const directory = await context.incoming.directory(directoryOf(path));
  try {
    await context.incoming.sync(directory.fd);
  } finally {
    closeSync(directory.fd);
  }
  if (!sameState(state, statOf(fd))) return 'absent';
  await noteReceived(context, path, state, head);
  context.metrics.done(context.folder.name, 'unchanged', state.sizeBytes);
  return 'here';
}

/** Nobody writes the file while it is looked at. */
async function withLocalFile(
  { root, leases }: ReceiveContext,
  path: Buffer,
  look: (fd: number, state: FileState) => Promise<'here' | 'absent' | Received>,
): Promise<'here' | 'absent' | Received> {
  const opened = openFile(root, path, false);
  if ('skipped' in opened) {
    if (opened.skipped === 'vanished') return 'absent';
    return { parked: `a ${opened.skipped} has its name`, counts: true };
  }
  const { fd } = opened;
  try {
    const lease = leases.take(fd);
    if (lease === 'busy') return BUSY;
    try {
      const result = await look(fd, statOf(fd));
      return typeof lease === 'object' && lease.broken ? BUSY : result;
    } finally {
      if (typeof lease === 'object') lease.release();
    }
  } finally {
    closeSync(fd);
  }
}
