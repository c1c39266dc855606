/**
 * What a power cut leaves of a file that its writer had not flushed may be empty, cut off, or zeros: an earlier state of a
 * file whose last one is in the bucket already. It must not take its place. So a file that nobody has touched since the
 * host started is compared with its object before it replaces it.
 */
import { readFileSync } from 'node:fs';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { FileState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { formatMtime, parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import { compareObject } from '#core/same-content.ts';
import type { FileContext, SettledFile } from './settled-file.ts';

/** https://man7.org/linux/man-pages/man4/random.4.html */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NOTE = 'boot';
const NS_PER_MS = 1_000_000n;

export interface HostStart {
  /** When an agent with this index first saw it, in milliseconds since 1970; 0: the index knows of no other start. */
  sinceMs: number;
  /** For the next agent. Throws what the index throws. */
  note(): void;
}

export function hostStart(index: Pick<HostIndex, 'note' | 'setNote'>, nowMs: number): HostStart {
  const id = readFileSync(BOOT_ID, 'utf8').trim();
  const [known = '', knownMs = '0'] = index.note(NOTE)?.split(' ') ?? [];
  const sinceMs = id === known ? Number(knownMs) : known === '' ? 0 : nowMs;
  return {
    sinceMs,
    note() {
      if (id !== known) index.setNote(NOTE, `${id} ${sinceMs}`);
    },
  };
}

/** @throws SyncError `OlderThanObject` when the file may be what a power cut has left of its object's */
export async function requireNotOlder(
  { store, hostSinceMs: sinceMs, putBack }: Pick<FileContext, 'store' | 'hostSinceMs' | 'putBack'>,
  { fd, key, state }: Pick<SettledFile, 'fd' | 'key' | 'state'>,
): Promise<void> {
  const touched = state.ctimeNs >= BigInt(Math.round(sinceMs)) * NS_PER_MS;
  if (touched && !(sinceMs > 0 && putBack.has(state.ino))) return;
  const object = await store.head(key);
  if (object === undefined || !isOlder(state, object)) return;
  const file = {
    sizeBytes: state.sizeBytes,
    mtime: formatMtime(state.mtimeNs),
    hash: (partBytes: number) => hashFile(fd, state.sizeBytes, partBytes),
  };
  const { verdict } = await compareObject('content', file, object, () =>
    store.firstPartBytes(key, object.etag),
  );
  if (verdict === 'same') return;
  throw new SyncError(
    `${key}: the file is older than its object, and another: a power cut may have left it so (${state.sizeBytes} bytes, the object ${object.sizeBytes})`,
    {
      op: 'upload',
      key,
      retryable: false,
      code: 'OlderThanObject',
      hint: 'The object is as it was. Delete the file to keep the object, or touch the file to upload it all the same.',
    },
  );
}

/** Whether the object was made of a later state of the file, by the times of the host or by the store's. */
function isOlder({ mtimeNs, ctimeNs }: FileState, { metadata, lastModifiedMs }: ObjectHead): boolean {
  const { mtimeNs: objectMtimeNs } = parseFileMetadata(metadata);
  const byHost = objectMtimeNs !== undefined && mtimeNs <= objectMtimeNs;
  return byHost || ctimeNs <= BigInt(lastModifiedMs) * NS_PER_MS;
}
