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

/** The start of the host that the agent has found itself in. */
export interface HostStart {
  /** Whether somebody has touched the file since; always true where the index knows of no earlier start. */
  touched(file: Pick<FileState, 'ino' | 'ctimeNs'>): boolean;
  /**
   * Before the agent puts the file back that has this inode: that gives it a new ctime, and nobody has touched it. On
   * disk when it returns. Throws what the index throws.
   */
  puttingBack(ino: bigint): void;
  /** For the next agent. Throws what the index throws. */
  note(): void;
}

/** @param nowMs when this agent sees it, in milliseconds since 1970; what an earlier agent of the same start noted counts */
export function hostStart(index: Pick<HostIndex, 'note' | 'setNote'>, nowMs: number): HostStart {
  const id = readFileSync(BOOT_ID, 'utf8').trim();
  const [known = '', knownMs = '0', ...knownInodes] = index.note(NOTE)?.split(' ') ?? [];
  const sinceMs = id === known ? Number(knownMs) : known === '' ? 0 : nowMs;
  const putBack = new Set(id === known ? knownInodes.map(BigInt) : []);
  const write = (...more: bigint[]) => index.setNote(NOTE, [id, sinceMs, ...putBack, ...more].join(' '));
  return {
    touched: ({ ino, ctimeNs }) =>
      sinceMs === 0 || (ctimeNs >= BigInt(Math.round(sinceMs)) * NS_PER_MS && !putBack.has(ino)),
    puttingBack(ino) {
      if (sinceMs === 0 || putBack.has(ino)) return;
      write(ino);
      putBack.add(ino);
    },
    note() {
      if (id !== known) write();
    },
  };
}

/** @throws SyncError `OlderThanObject` when the file may be what a power cut has left of its object's */
export async function requireNotOlder(
  { store, hostStart: start }: Pick<FileContext, 'store' | 'hostStart'>,
  { fd, key, state }: Pick<SettledFile, 'fd' | 'key' | 'state'>,
): Promise<void> {
  if (start.touched(state)) return;
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
  return byHost || Number(ctimeNs / NS_PER_MS) <= lastModifiedMs;
}
