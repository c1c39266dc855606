/** Brings an object's bytes into the folder: temporary file, proof, attributes, disk, name, disk, index. */
import { closeSync } from 'node:fs';
import type { Attributes, IncomingFile } from '#adapters/host/incoming.ts';
import { isSystemError } from '#adapters/host/libc.ts';
import { placeFile } from '#adapters/host/place.ts';
import { pathError } from '#adapters/host/tree.ts';
import { leaveBody } from '#adapters/read-object.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import { type Downloaded, download } from './download.ts';
import type { Reservation } from './free-space.ts';
import { printableName } from './path-bytes.ts';
import type { ReceiveContext, Received } from './receive-context.ts';
import { directoryOf, isNameFree, knownRow, lookAgain, noteReceived } from './receive-local.ts';

/** `here`: on the disk under its name, and noted, with what is known of the object. */
export type Fetched = { here: ObjectHead } | Received;

/**
 * @param known absent: the answer that brings the bytes tells
 * @throws SyncError `NoSuchKey` when there is no object
 */
export async function fetchFile(
  context: ReceiveContext,
  path: Buffer,
  key: ObjectKey,
  known?: ObjectHead,
): Promise<Fetched> {
  const startedMs = performance.now();
  const brought = await context.downloads.hold(1, () => bring(context, key, known));
  if (!('file' in brought)) return brought;
  const { file, head, content, reserved } = brought;
  try {
    await file.finish(attributesOf(context, head));
    const looked = isNameFree(context.root, path) ? 'absent' : await lookAgain(context, path, head, content);
    if (looked === 'here') return { here: head };
    if (looked !== 'absent') return looked;
    const placed = await place(context, path, head, file);
    if (!('state' in placed)) return placed;
    await noteReceived(context, path, placed.state, head, content);
    const ms = Math.round(performance.now() - startedMs);
    context.log.info('downloaded', { key, bytes: head.sizeBytes, ms });
    context.metrics.done(context.folder.name, 'downloaded', head.sizeBytes);
    return { here: head };
  } finally {
    try {
      file.release();
    } finally {
      reserved.release();
    }
  }
}

interface Brought {
  file: IncomingFile;
  head: ObjectHead;
  content: Downloaded;
  reserved: Reservation;
}

/** The bytes in a file out of sight, proved, and not on the disk yet. */
async function bring(
  { settings, store, incoming, space, stopping }: ReceiveContext,
  key: ObjectKey,
  known: ObjectHead | undefined,
): Promise<Brought | Received> {
  const { head, body } = known === undefined ? await store.get(key) : { head: known };
  const { partBytes: rangeBytes } = settings.limits;
  let reserved: Reservation | undefined;
  let file: IncomingFile | undefined;
  try {
    reserved = space.reserve(head.sizeBytes);
    if (reserved === undefined) return { noRoomFor: head.sizeBytes };
    file = incoming.begin(key);
    const content = await download(store, head, file, {
      rangeBytes,
      checkpoint: () => {
        if (stopping.aborted) throw stopped(key);
      },
      onWritten: reserved.written,
      // A large one is asked for in ranges, so that a broken connection costs no more.
      ...(body !== undefined && head.sizeBytes <= rangeBytes ? { body } : {}),
    });
    return { file, head, content, reserved };
  } catch (error) {
    try {
      file?.release();
    } finally {
      reserved?.release();
    }
    throw error;
  } finally {
    // Nothing of it is wanted: that it broke off says nothing.
    if (body !== undefined) await leaveBody(body).catch(onlySyncErrors);
  }
}

async function place(
  context: ReceiveContext,
  path: Buffer,
  head: ObjectHead,
  file: ReturnType<ReceiveContext['incoming']['begin']>,
) {
  const { incoming, leases, log } = context;
  const name = path.subarray(path.lastIndexOf('/') + 1);
  try {
    const directory = await incoming.directory(directoryOf(path));
    try {
      const placed = await placeFile(directory, name, file, {
        isOurs: (state) => knownRow(context, path, state) !== undefined,
        hold: (fd) => leases.take(fd),
        sync: incoming.sync,
        movedAside: (aside) =>
          log.warn('moved aside: a file that was not received had the name of an object', {
            key: head.key,
            now: printableName(aside),
          }),
      });
      if ('blocked' in placed) return { parked: `a ${placed.blocked} has its name`, counts: true };
      if ('busy' in placed) return { later: 'the file of its name is open for writing', delayMs: 2_000 };
      return placed;
    } finally {
      closeSync(directory.fd);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw pathError('place', path, error);
  }
}

function attributesOf({ folder, newFileMode }: ReceiveContext, head: ObjectHead): Attributes {
  if (!folder.metadata) return { mode: newFileMode };
  const { mtimeNs, mode, uid, gid } = parseFileMetadata(head.metadata);
  const owner = process.getuid?.() === 0 && uid !== undefined && gid !== undefined ? { uid, gid } : undefined;
  return {
    mode: mode ?? newFileMode,
    ...(mtimeNs === undefined ? {} : { mtimeNs }),
    ...(owner === undefined ? {} : { owner }),
  };
}

function onlySyncErrors(error: unknown): void {
  if (!(error instanceof SyncError)) throw error;
}

function stopped(key: string): SyncError {
  return new SyncError(`${key} was given back: the agent stops`, {
    op: 'receive',
    key,
    retryable: true,
    code: 'Stopped',
  });
}
