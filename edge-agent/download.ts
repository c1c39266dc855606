/** Brings the bytes of one object state into a file, and proves that they are that object's. */
import { createHash } from 'node:crypto';
import { createContentHash } from '#adapters/host/content-hash.ts';
import { hashFile } from '#adapters/host/file-hash.ts';
import type { IncomingFile } from '#adapters/host/incoming.ts';
import { readRange } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import type { ObjectHead, ObjectStore } from '#core/ports.ts';
import { compareObject } from '#core/same-content.ts';

export interface DownloadOptions {
  /** Larger objects come in ranges of it, so that a broken connection costs no more. */
  rangeBytes: number;
  /** Throws when going on is pointless. Called between chunks. */
  checkpoint(): void;
  /** Bytes that have been written. */
  onWritten(bytes: number): void;
  /** All of the object, asked for already. */
  body?: AsyncIterable<Uint8Array>;
}

/** MD5 hex of the whole when `partBytes` is 0, else what the ETag of an object sent in such parts is. */
export interface Downloaded {
  partBytes: number;
  hash: string;
}

/** Without progress, a broken connection is taken up again so often. */
const TRIES = 3;
const READ_BYTES = 1024 * 1024;

/**
 * Writes the object into the file and answers its hash, once the bytes are proved with MD5 strength: by the sender's
 * MD5 in the metadata, by an ETag that is an MD5 or is made of those of its parts, or, where the store keeps none of
 * these (KMS), by a second download that brings the same.
 *
 * @throws SyncError `ChecksumMismatch` when the bytes are others; `PreconditionFailed` when the object was replaced
 */
export async function download(
  store: ObjectStore,
  head: ObjectHead,
  file: IncomingFile,
  options: DownloadOptions,
): Promise<Downloaded> {
  const partBytes = await partBytesOf(store, head);
  const streamed = createContentHash(partBytes);
  for await (const chunk of objectBytes(store, head, options)) {
    streamed.update(chunk);
    await file.write(chunk);
    options.onWritten(chunk.length);
  }
  const content = { partBytes, hash: streamed.digest() };
  const { verdict } = await compareObject(
    'content',
    {
      sizeBytes: head.sizeBytes,
      mtime: '',
      hash: async (parts) =>
        parts === partBytes ? content.hash : await hashFile(file.fd, head.sizeBytes, parts),
    },
    head,
    () => store.partBytes(head.key, head.etag),
  );
  const named = parseFileMetadata(head.metadata);
  // Where the sender has named an MD5, the store's own of other bytes is no proof.
  if (named.md5 === undefined ? verdict === 'same' : content.hash === named.md5) return content;
  // An ETag of 32 hex digits may be no MD5 at all; the store says when it is one.
  if (named.md5 !== undefined || head.md5 !== undefined || (partBytes > 0 && named.partBytes === partBytes)) {
    throw mismatch(head, 'the bytes are not those that the sender has named');
  }
  await compareWithSecond(store, head, file, options);
  return content;
}

/** The part size that proves a composite ETag, or 0 when the whole is to be hashed. */
async function partBytesOf(store: ObjectStore, head: ObjectHead): Promise<number> {
  const { md5, partBytes } = parseFileMetadata(head.metadata);
  const parts = Number(/^[0-9a-f]{32}-(\d+)$/.exec(head.etag)?.[1] ?? 0);
  if (md5 !== undefined || parts === 0) return 0;
  const size = partBytes ?? (await store.partBytes(head.key, head.etag)) ?? 0;
  return size > 0 && Math.max(1, Math.ceil(head.sizeBytes / size)) === parts ? size : 0;
}

/** All bytes of the state that `head` tells of, in order. A connection that breaks is taken up where it broke. */
async function* objectBytes(
  store: ObjectStore,
  head: ObjectHead,
  { rangeBytes, checkpoint, body: asked }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const { key, etag, sizeBytes } = head;
  let failures = 0;
  let ready = asked;
  // An empty one is asked for too: an answer that tells no length looks like it.
  for (let offset = 0, isSeen = sizeBytes > 0; offset < sizeBytes || !isSeen; ) {
    const start = offset;
    const end = ready === undefined ? Math.min(start + rangeBytes, sizeBytes) : sizeBytes;
    const whole = end - start === sizeBytes;
    try {
      checkpoint();
      const options = { ifMatch: etag, ...(whole ? {} : { range: { start, end: end - 1 } }) };
      const body = ready ?? (await store.get(key, options)).body;
      ready = undefined;
      for await (const chunk of body) {
        if (offset + chunk.length > end) throw mismatch(head, 'the store sends more than it was asked for');
        offset += chunk.length;
        yield chunk;
        checkpoint();
      }
      if (offset < end)
        throw interrupted(key, new Error(`${offset - start} of ${end - start} bytes arrived`));
      failures = 0;
      isSeen = true;
    } catch (error) {
      const failure = interrupted(key, error);
      failures = offset > start ? 1 : failures + 1;
      const final = failure.code === 'Stopped' || failure.code === 'ChecksumMismatch';
      if (final || !failure.retryable || failures >= TRIES) throw failure;
    }
  }
}

async function compareWithSecond(
  store: ObjectStore,
  head: ObjectHead,
  file: IncomingFile,
  options: DownloadOptions,
): Promise<void> {
  const second = createHash('sha256');
  const { body: _first, ...again } = options;
  for await (const chunk of objectBytes(store, head, again)) second.update(chunk);
  const first = createHash('sha256');
  for (let at = 0; at < head.sizeBytes; at += READ_BYTES) {
    first.update(await readRange(file.fd, at, Math.min(READ_BYTES, head.sizeBytes - at)));
    options.checkpoint();
  }
  if (first.digest('hex') === second.digest('hex')) return;
  throw mismatch(head, 'two downloads brought different bytes');
}

function interrupted(key: string, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  if (!(error instanceof Error)) throw error;
  const details = { op: 'GetObject', key, retryable: true, code: 'Interrupted', cause: error };
  return new SyncError(`GetObject ${key}: the download broke off: ${error.message}`, details);
}

function mismatch({ key }: ObjectHead, what: string): SyncError {
  return new SyncError(`${key}: ${what}; the object stays`, {
    op: 'GetObject',
    key,
    retryable: true,
    code: 'ChecksumMismatch',
    hint: 'Something between here and the store changes bytes, or the object was damaged before it came there.',
  });
}
