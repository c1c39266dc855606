/** Sends one open file to a store, whole or in parts, and answers only when the store has confirmed every byte. */
import { hash } from 'node:crypto';
import type { ByteBudget } from '#adapters/byte-budget.ts';
import { withHashed } from '#adapters/host/hashed-read.ts';
import type { OpenUploads } from '#adapters/host/index-uploads.ts';
import { type FileState, readWhole } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { MAX_PART_BYTES, MAX_PARTS, partSizeBytes } from '#core/parts.ts';
import type { BodySums, ObjectStore, PutOptions, PutResult } from '#core/ports.ts';
import { dropUpload, uploadParts } from './upload-parts.ts';

export interface UploadPorts {
  store: ObjectStore;
  index: Pick<OpenUploads, 'upload' | 'beginUpload' | 'addPart' | 'endUpload'>;
  /** Shared by all files: what is read is held until the store has it. */
  parts: ByteBudget;
  /** Absent: the host's clock. */
  nowMs?: () => number;
}

export interface UploadRequest {
  folder: string;
  /** Relative to the folder's root, in bytes. */
  path: Buffer;
  fd: number;
  state: FileState;
  key: ObjectKey;
  /** What the object gets, for the hex MD5 of the whole, where it is known, and the part size (0: whole). */
  attributes(md5: string | undefined, partBytes: number): PutOptions;
  /** Throws when going on is pointless: `Changed` when the file did, `Stopped` when the agent stops. */
  checkpoint(): void;
  /** The store's ETags say nothing of the content, so the MD5 of the whole must travel: it is read before. */
  wholeMd5: boolean;
}

export interface Uploaded extends PutResult {
  /** Hex, of exactly the bytes sent; empty when only the MD5s of the parts are known, which the ETag then proves. */
  md5: string;
  /** 0: sent whole. */
  partBytes: number;
  /** Less than the file has when an earlier try had sent some of it. */
  sentBytes: number;
}

/** Smaller ones need no share of the memory: so many as are in flight at once fit beside it. */
const SMALL_BYTES = 64 * 1024;
/** What another thread hashes, it hashes beside this one; the way there and back takes as long as so many bytes. */
const HASHED_HERE_BYTES = 128 * 1024;

/**
 * Up to `partBytes` in one PUT, more in parts of that size or larger. Parts that an earlier try has sent of the same
 * state of the file are not sent again; one that failed keeps them for the next, until the file changes.
 *
 * @throws SyncError `Changed` when the file is shorter than it was; `ChecksumMismatch` when the store disagrees;
 *   `PreconditionFailed` when the object was only to be created and is there
 */
export async function uploadFile(
  ports: UploadPorts,
  request: UploadRequest,
  partBytes: number,
): Promise<Uploaded> {
  const { state, key } = request;
  const { sizeBytes } = state;
  if (sizeBytes > MAX_PARTS * MAX_PART_BYTES) throw tooLarge(key, sizeBytes);
  if (sizeBytes > Math.min(partBytes, MAX_PART_BYTES)) {
    return uploadParts(ports, request, partSizeBytes(sizeBytes, partBytes));
  }
  await dropUpload(ports, request);
  if (sizeBytes <= SMALL_BYTES) return uploadWhole(ports.store, request);
  return ports.parts.hold(sizeBytes, () => uploadWhole(ports.store, request));
}

async function uploadWhole(store: ObjectStore, request: UploadRequest): Promise<Uploaded> {
  const { fd, state, key, attributes, checkpoint } = request;
  const { sizeBytes } = state;

  async function send(body: Buffer, sums: BodySums & { md5: string }): Promise<Uploaded> {
    checkpoint();
    const { md5 } = sums;
    const result = await store.put(key, body, { ...attributes(md5, 0), ...sums });
    return { ...result, md5, partBytes: 0, sentBytes: sizeBytes };
  }

  if (sizeBytes > HASHED_HERE_BYTES) return withHashed(fd, { start: 0, length: sizeBytes }, send);
  const body = await readWhole(fd, sizeBytes);
  return send(body, { md5: hash('md5', body) });
}

function tooLarge(key: string, sizeBytes: number): SyncError {
  return new SyncError(`${key} has ${sizeBytes} bytes; an object has ${MAX_PARTS * MAX_PART_BYTES} at most`, {
    op: 'upload',
    key,
    retryable: false,
    code: 'EntityTooLarge',
  });
}
