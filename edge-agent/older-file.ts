/**
 * What a power cut leaves of a file that its writer had not flushed may be empty, cut off, or zeros: an earlier state of a
 * file whose last one is in the bucket already. It must not take its place. So a file that nobody has touched since the
 * host started is compared with its object before it replaces it.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { FileState } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { formatTime, parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead } from '#core/ports.ts';
import { compareObject } from '#core/same-content.ts';
import type { FileContext, SettledFile } from './settled-file.ts';
import { forgetSent } from './unconfirmed.ts';

/** https://man7.org/linux/man-pages/man4/random.4.html */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NOTE = 'boot';
/** Of earlier starts of the host: a file that waits for somebody may wait for long, but few do. */
const INODES_KEPT = 1_000;
const NS_PER_MS = 1_000_000n;

type Times = Pick<FileState, 'ino' | 'mtimeNs' | 'ctimeNs'>;

/** The start of the host that the agent has found itself in. */
export interface HostStart {
  /** No agent has noted it yet: what a power cut has taken from folders and index is to be looked for. */
  readonly isNew: boolean;
  /** Whether somebody has touched the file since; always true where the index knows of no earlier start. */
  touched(file: Times): boolean;
  /** When somebody else than the agent last touched the file, as far as its times tell. */
  touchedNs(file: Times): bigint;
  /**
   * Before the agent itself gives the file a new ctime, by putting it back or by removing another name of it: nobody has
   * touched it. On disk when it returns. Throws what the index throws.
   */
  touching(file: Times): void;
  /** For the next agent. Throws what the index throws. */
  note(): void;
}

/**
 * @param nowMs when this agent sees it, in milliseconds since 1970; what an earlier agent of the same start noted counts
 * @param startedMs when the host started, by the clock as it is now: it may have been wrong until somebody set it
 */
export function hostStart(
  index: Pick<HostIndex, 'note' | 'setNote'>,
  nowMs: number,
  startedMs = () => Date.now() - uptime() * 1000,
): HostStart {
  const id = readFileSync(BOOT_ID, 'utf8').trim();
  const [known = '', knownMs = '0', ...knownInodes] = index.note(NOTE)?.split(' ') ?? [];
  const sinceMs = id === known ? Number(knownMs) : known === '' ? 0 : nowMs;
  // The ctime that an earlier agent gave is its own for as long as the file is there, whatever has started again since.
  const ours = new Set(id === known ? knownInodes : knownInodes.slice(-INODES_KEPT));
  // An inode alone may be another file's by then, or on another disk.
  const idOf = ({ ino, mtimeNs }: Times) => `${ino}:${mtimeNs}`;
  const write = (...more: string[]) => index.setNote(NOTE, [id, sinceMs, ...ours, ...more].join(' '));
  return {
    isNew: known !== '' && id !== known,
    touched: (file) =>
      sinceMs === 0 ||
      (Number(file.ctimeNs / NS_PER_MS) >= Math.max(sinceMs, startedMs()) && !ours.has(idOf(file))),
    touchedNs: (file) => (ours.has(idOf(file)) ? file.mtimeNs : file.ctimeNs),
    touching(file) {
      if (ours.has(idOf(file))) return;
      write(idOf(file));
      ours.add(idOf(file));
    },
    note() {
      if (id !== known) write();
    },
  };
}

/** Before one name of a file is removed: the others keep what nobody has touched. Throws what the index throws. */
export function noteOtherNames(start: HostStart, state: FileState): void {
  if (!start.touched(state) && state.nlink > 1) start.touching(state);
}

/** @throws SyncError `OlderThanObject` when the file may be what a power cut has left of its object's */
export async function requireNotOlder(
  { folder, index, store, hostStart: start }: Pick<FileContext, 'folder' | 'index' | 'store' | 'hostStart'>,
  path: Buffer,
  { fd, key, state }: Pick<SettledFile, 'fd' | 'key' | 'state'>,
): Promise<void> {
  if (start.touched(state)) return;
  const object = await store.head(key);
  if (object === undefined) return;
  const known = index.get(folder.name, path);
  const touchedNs = start.touchedNs(state);
  // A state that was there before one that the agent has seen, or as old (its object may tell an older ctime: `carries`), or
  // before the one that its object is of.
  const wentBack = known !== undefined && touchedNs <= known.ctimeNs;
  if (!wentBack && !isOlder(state, touchedNs, object)) return;
  const file = {
    sizeBytes: state.sizeBytes,
    mtime: formatTime(state.mtimeNs),
    hash: (partBytes: number) => hashFile(fd, state.sizeBytes, partBytes),
  };
  const { verdict } = await compareObject('content', file, object, () => store.partBytes(key, object.etag));
  if (verdict === 'same') return;
  // It is not this file's object any more: so it stays when the file is deleted, as the hint says.
  if (known !== undefined) index.put({ ...known, md5: '', etag: '', versionId: '', state: 'waiting' });
  forgetSent({ folder, index }, path);
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

/**
 * By the ctime that its object's file had. Where that tells none, by mtime, or else by the store's clock, which comes after
 * the whole upload.
 */
function isOlder(
  { mtimeNs }: FileState,
  touchedNs: bigint,
  { metadata, lastModifiedMs }: ObjectHead,
): boolean {
  const object = parseFileMetadata(metadata);
  if (object.ctimeNs !== undefined) return touchedNs <= object.ctimeNs;
  if (object.mtimeNs !== undefined) return mtimeNs <= object.mtimeNs;
  return Number(touchedNs / NS_PER_MS) <= lastModifiedMs;
}
