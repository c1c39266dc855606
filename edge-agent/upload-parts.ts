/**
 * A large file, in parts side by side, and on from where an earlier try was cut off. A part is re-used only while file,
 * key and part size are the same to the last field; the store itself says whether it still has it.
 */
import { createHash, hash } from 'node:crypto';
import { compositeEtag } from '#adapters/composite-etag.ts';
import { withHashed } from '#adapters/host/hashed-read.ts';
import { readRange, sameState } from '#adapters/host/tree.ts';
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { isMd5 } from '#core/mirror-plan.ts';
import { rangesOf } from '#core/parts.ts';
import type { ByteRange, PartResult, PutResult } from '#core/ports.ts';
import type { Uploaded, UploadPorts, UploadRequest } from './upload-file.ts';

/** Of one file, so that others have a turn; how many really run is for the shared budget to say. */
const LANES = 16;
/** The store no longer has the upload, or a part of it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const LOST = new Set(['NoSuchUpload', 'InvalidPart']);
const ROUNDS = 2;
/**
 * Before Linux 6.13 a file's times came from a clock that ticks every few ms: a change right after another one may not
 * show. A part that was read so soon after the last change is not kept for a later try.
 */
const REST_MS = 1000;

interface Digests {
  whole: string;
  parts: string[];
}

interface Upload {
  uploadId: string;
  parts: PartResult[];
}

export async function uploadParts(
  ports: UploadPorts,
  request: UploadRequest,
  partBytes: number,
): Promise<Uploaded> {
  const { key, wholeMd5, checkpoint } = request;
  const ranges = rangesOf(request.state.sizeBytes, partBytes);
  const digests = wholeMd5 ? await digestsOf(ports, request, ranges) : undefined;
  let sentBytes = 0;
  for (let round = 1; ; round++) {
    const upload =
      (await resumable(ports, request, partBytes)) ?? (await begin(ports, request, partBytes, digests));
    try {
      const sent = await sendMissing(ports, request, ranges, upload, digests);
      sentBytes += sent.bytes;
      checkpoint();
      const result = await complete(ports, request, upload, sent.parts, partBytes, digests);
      return { ...result, md5: digests?.whole ?? '', partBytes, sentBytes };
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      const lost = LOST.has(error.code ?? '');
      if (lost || error.code === 'Changed' || error.code === 'PreconditionFailed') {
        await drop(ports, request, upload.uploadId, error);
      }
      if (!lost) throw error;
      if (round === ROUNDS) throw lostAgain(key, error);
    }
  }
}

/** Removes what an earlier try has sent of the file. */
export async function dropUpload(
  { store, index }: UploadPorts,
  { folder, path }: UploadRequest,
): Promise<void> {
  const earlier = index.upload(folder, path);
  if (earlier === undefined) return;
  await store.abortMultipart(objectKey(earlier.key), earlier.uploadId);
  index.endUpload(folder, path);
}

async function resumable(
  ports: UploadPorts,
  request: UploadRequest,
  partBytes: number,
): Promise<Upload | undefined> {
  const earlier = ports.index.upload(request.folder, request.path);
  if (earlier === undefined) return undefined;
  const same = earlier.key === request.key && earlier.partBytes === partBytes;
  if (same && sameState(earlier, request.state)) return earlier;
  await dropUpload(ports, request);
  return undefined;
}

async function begin(
  { store, index }: UploadPorts,
  { folder, path, key, state, attributes, checkpoint }: UploadRequest,
  partBytes: number,
  digests: Digests | undefined,
): Promise<Upload> {
  checkpoint();
  const { ifAbsent: _ifAbsent, ...carried } = attributes(digests?.whole, partBytes);
  const uploadId = await store.createMultipart(key, carried);
  const { dev, ino, sizeBytes, mtimeNs, ctimeNs } = state;
  const file = { folder, path, dev, ino, sizeBytes, mtimeNs, ctimeNs };
  try {
    index.beginUpload({ ...file, key, uploadId, partBytes, parts: [] });
  } catch (error) {
    await store.abortMultipart(key, uploadId);
    throw error;
  }
  return { uploadId, parts: [] };
}

async function sendMissing(
  { store, index, parts: budget, nowMs = Date.now }: UploadPorts,
  { folder, path, fd, key, state, checkpoint }: UploadRequest,
  ranges: ByteRange[],
  upload: Upload,
  digests: Digests | undefined,
): Promise<{ parts: PartResult[]; bytes: number }> {
  const parts = new Map(upload.parts.map((part) => [part.partNumber, part]));
  const missing = [...ranges.entries()].filter(([index]) => !parts.has(index + 1));
  const lastChangeMs = Number(state.ctimeNs / 1_000_000n);
  let bytes = 0;
  await inParallel(missing, LANES, ([number, { start, end }]) =>
    budget.hold(end - start + 1, async () => {
      checkpoint();
      const rested = nowMs() - lastChangeMs > REST_MS;
      const length = end - start + 1;
      const part = await withHashed(fd, { start, length }, (body, sums) => {
        checkpoint();
        if (digests !== undefined && sums.md5 !== digests.parts[number]) throw changed(key);
        return store.uploadPart(key, upload.uploadId, number + 1, body, sums);
      });
      bytes += length;
      parts.set(part.partNumber, part);
      if (rested) index.addPart(folder, path, part);
    }),
  );
  return { parts: [...parts.values()].sort((left, right) => left.partNumber - right.partNumber), bytes };
}

async function complete(
  { store, index }: UploadPorts,
  { folder, path, key, attributes }: UploadRequest,
  { uploadId }: Upload,
  parts: PartResult[],
  partBytes: number,
  digests: Digests | undefined,
): Promise<PutResult> {
  const wanted = attributes(digests?.whole, partBytes);
  if (wanted.ifAbsent === true && (await store.head(key)) !== undefined) throw occupied(key);
  const md5s = parts.map(({ etag }) => etag);
  const provable = digests === undefined && md5s.every(isMd5);
  const expected = provable ? compositeEtag(md5s.map((md5) => Buffer.from(md5, 'hex'))) : undefined;
  let result: PutResult;
  try {
    result = await store.completeMultipart(
      key,
      uploadId,
      parts,
      wanted.ifAbsent === true ? { ifAbsent: true } : {},
    );
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'NoSuchUpload') throw error;
    // The reply of an earlier try may have been lost: then the object is there, with what this upload gave it.
    const head = await store.head(key);
    const names = Object.keys(wanted.metadata);
    const ours = names.every((name) => head?.metadata[name] === wanted.metadata[name]);
    if (head === undefined || head.etag !== expected || !ours) throw error;
    result = head;
  }
  index.endUpload(folder, path);
  if (expected !== undefined && isComposite(result.etag) && result.etag !== expected) throw joinedOthers(key);
  return { etag: result.etag, ...(result.versionId === undefined ? {} : { versionId: result.versionId }) };
}

/** Read before anything is sent, because the MD5 of the whole travels with the beginning of the upload. */
async function digestsOf(
  { parts: budget }: UploadPorts,
  { fd, checkpoint }: UploadRequest,
  ranges: ByteRange[],
): Promise<Digests> {
  const whole = createHash('md5');
  const parts: string[] = [];
  for (const { start, end } of ranges) {
    await budget.hold(end - start + 1, async () => {
      checkpoint();
      const body = await readRange(fd, start, end - start + 1);
      whole.update(body);
      parts.push(md5Of(body));
    });
  }
  return { whole: whole.digest('hex'), parts };
}

/** Parts that stay cost money; if they cannot be removed now, the next look at the file or at the prefix does it. */
async function drop(
  { store, index }: UploadPorts,
  { folder, path, key }: UploadRequest,
  uploadId: string,
  cause: SyncError,
): Promise<void> {
  try {
    await store.abortMultipart(key, uploadId);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const message = `${cause.message}; and its parts could not be removed: ${error.message}`;
    throw failure(message, key, cause.code ?? '', cause.retryable, cause);
  }
  index.endUpload(folder, path);
}

function md5Of(body: Uint8Array): string {
  return hash('md5', body);
}

function isComposite(etag: string): boolean {
  return /^[0-9a-f]{32}-\d+$/.test(etag);
}

function changed(key: string): SyncError {
  return failure(`${key} changed while it was read`, key, 'Changed', true);
}

function occupied(key: string): SyncError {
  return failure(`${key} is in the bucket by now`, key, 'PreconditionFailed', false);
}

function joinedOthers(key: string): SyncError {
  return failure(`${key}: the store joined other parts than were sent`, key, 'ChecksumMismatch', true);
}

function lostAgain(key: string, cause: SyncError): SyncError {
  return failure(`${key}: the store lost the upload twice: ${cause.message}`, key, 'UploadLost', true, cause);
}

function failure(message: string, key: string, code: string, retryable: boolean, cause?: SyncError) {
  return new SyncError(message, { op: 'upload', key, code, retryable, cause });
}
