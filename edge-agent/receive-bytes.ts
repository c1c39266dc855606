/** Brings an object's bytes into the folder: temporary file, proof, attributes, disk, name, disk, index. */
import { closeSync } from 'node:fs';
import type { Attributes } from '#adapters/host/incoming.ts';
import { isSystemError } from '#adapters/host/libc.ts';
import { placeFile } from '#adapters/host/place.ts';
import { pathError } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import { download } from './download.ts';
import { printableName } from './path-bytes.ts';
import type { ReceiveContext, Received } from './receive-context.ts';
import { directoryOf, knownRow, lookAgain, noteReceived } from './receive-local.ts';

/** `here`: on the disk under its name, and noted. */
export async function fetchFile(
  context: ReceiveContext,
  path: Buffer,
  head: ObjectHead,
): Promise<'here' | Received> {
  const { settings, store, incoming, space, stopping } = context;
  const reserved = space.reserve(head.sizeBytes);
  if (reserved === undefined) return { noRoomFor: head.sizeBytes };
  const startedMs = performance.now();
  try {
    const file = incoming.begin(head.key);
    try {
      const content = await download(store, head, file, {
        rangeBytes: settings.limits.partBytes,
        checkpoint: () => {
          if (stopping.aborted) throw stopped(head.key);
        },
        onWritten: reserved.written,
      });
      await file.finish(attributesOf(context, head));
      const looked = await lookAgain(context, path, head, content);
      if (looked !== 'absent') return looked;
      const placed = await place(context, path, head, file);
      if (!('state' in placed)) return placed;
      noteReceived(context, path, placed.state, head, content);
      const ms = Math.round(performance.now() - startedMs);
      context.log.info('downloaded', { key: head.key, bytes: head.sizeBytes, ms });
      context.metrics.done(context.folder.name, 'downloaded', head.sizeBytes);
      return 'here';
    } finally {
      file.release();
    }
  } finally {
    reserved.release();
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

function stopped(key: string): SyncError {
  return new SyncError(`${key} was given back: the agent stops`, {
    op: 'receive',
    key,
    retryable: true,
    code: 'Stopped',
  });
}
