/** Copies one state of one object from bucket to bucket, in one piece or in parts, with bounded memory. */
import { hash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { MirrorPlan } from '#core/mirror-plan.ts';
import type {
  ByteRange,
  CopySource,
  ObjectAttributes,
  ObjectHead,
  ObjectStore,
  PartResult,
  PutResult,
} from '#core/ports.ts';
import type { ByteBudget } from './byte-budget.ts';
import { inParallel } from './in-parallel.ts';
import {
  askSourceParts,
  md5sOf,
  type OrderedSum,
  requireComposite,
  type SentPart,
  sumInOrder,
} from './parts-proof.ts';
import { checksumOf } from './proven-stream.ts';
import { damaged, provenBody, readBody } from './read-object.ts';

export interface CopyPorts {
  hub: ObjectStore;
  destination: ObjectStore;
  /** Shared by all copies of a process: streamed bytes are held until the destination has confirmed them. */
  budget: ByteBudget;
}

export type CopyPlan = Extract<MirrorPlan, { do: 'copy' }>;
type PartsPlan = CopyPlan & { parts: ByteRange[] };

export type CopyResult = { done: PutResult } | { unfinished: { uploadId: string } };

const PARTS_AT_ONCE = 8;
/** With less time left no part is begun: what is under way must end before the process does. */
const LAST_PART_MS = 60_000;
/** An upload that nobody has handed on and that is older than any function may run was left by one that broke off. */
const LEFT_BEHIND_MS = 60 * 60_000;

export interface CopyStretch {
  /**
   * Milliseconds until this process has to end; a copy in parts stops in time and says how it stands. Finite also where
   * nothing ends the process: nobody else takes up such a copy before.
   */
  remainingMs: () => number;
  nowMs: number;
  tags?: ObjectAttributes['tags'];
  /** The upload that goes on; absent: a new one. */
  uploadId?: string;
}

/**
 * Answers what the destination made of it. The source is read with If-Match: the copy is of `source`, or it fails with
 * `PreconditionFailed`. An upload in parts that fails is aborted.
 */
export async function copyObject(
  ports: CopyPorts,
  plan: CopyPlan,
  source: ObjectHead,
  target: ObjectKey,
): Promise<PutResult> {
  if (!inParts(plan)) return copyWhole(ports, plan, source, target, plan.attributes);
  const uploadId = await ports.destination.createMultipart(target, plan.attributes);
  return orAbort(ports.destination, target, uploadId, async () => {
    const parts = await sendParts(ports, plan, source, target, { uploadId, kept: new Map() });
    return ports.destination.completeMultipart(target, uploadId, parts);
  });
}

/**
 * As `copyObject`, as far as the time allows: answers the upload that waits for the rest of its parts. One that goes on
 * and fails is left as it is, for whoever handed it on to decide; `NoSuchUpload` when the store no longer has it.
 */
export async function copyInTime(
  ports: CopyPorts,
  plan: CopyPlan,
  source: ObjectHead,
  target: ObjectKey,
  { remainingMs, nowMs, tags, uploadId }: CopyStretch,
): Promise<CopyResult> {
  const { hub, destination } = ports;
  const attributes = { ...plan.attributes, ...(tags === undefined ? {} : { tags }) };
  if (!inParts(plan)) return { done: await copyWhole(ports, plan, source, target, attributes) };
  const asSent = plan.way === 'stream' ? await askSourceParts(hub, source) : undefined;
  const cut = { ...plan, parts: asSent ?? plan.parts };
  const stretch = async (upload: Upload): Promise<CopyResult> => {
    const isLate = () => remainingMs() < LAST_PART_MS;
    const done = await sendParts(ports, cut, source, target, { ...upload, isLate });
    if (done.length < cut.parts.length) return { unfinished: { uploadId: upload.uploadId } };
    const fault = upload.sum?.fault();
    if (fault !== undefined) throw damaged(source, fault, 'ChecksumMismatch');
    if (asSent !== undefined) await requireComposite(hub, source, asSent, md5sOf(done));
    return { done: await destination.completeMultipart(target, upload.uploadId, done) };
  };
  if (uploadId !== undefined) {
    // Never from a message: the store knows best what it has.
    const kept: Upload['kept'] = new Map();
    for await (const part of destination.listParts(target, uploadId)) kept.set(part.partNumber, part);
    return stretch({ uploadId, kept });
  }
  await abortLeftBehind(destination, target, nowMs);
  const begun = await destination.createMultipart(target, attributes);
  const sum = plan.way === 'stream' ? checksumOf(source) : undefined;
  const upload: Upload = { uploadId: begun, kept: new Map(), ...(sum && { sum: sumInOrder(sum) }) };
  return orAbort(destination, target, begun, () => stretch(upload));
}

interface Upload {
  uploadId: string;
  /** What the store has of it, by number. */
  kept: Map<number, PartResult & { sizeBytes: number }>;
  isLate?: () => boolean;
  /** Of all bytes; only of an upload of which nothing is there yet. */
  sum?: OrderedSum;
}

function inParts(plan: CopyPlan): plan is PartsPlan {
  return plan.parts !== 'whole';
}

async function copyWhole(
  { hub, destination, budget }: CopyPorts,
  { way }: CopyPlan,
  source: ObjectHead,
  target: ObjectKey,
  attributes: ObjectAttributes,
): Promise<PutResult> {
  if (way === 'server') return destination.copy(target, sourceOf(hub, source), attributes);
  const asSent = await askSourceParts(hub, source);
  return budget.hold(source.sizeBytes, async () => {
    const { body } = await hub.get(source.key, { ifMatch: source.etag });
    const { bytes, md5 } = await provenBody(body, source);
    if (asSent !== undefined) {
      const md5s = asSent.map(({ start, end }) => hash('md5', bytes.subarray(start, end + 1)));
      await requireComposite(hub, source, asSent, md5s);
    }
    return destination.put(target, bytes, { ...attributes, md5 });
  });
}

/** The parts in order, those left out for which there was no time; one of another size than planned is sent again. */
async function sendParts(
  { hub, destination, budget }: CopyPorts,
  { way, parts }: PartsPlan,
  source: ObjectHead,
  target: ObjectKey,
  { uploadId, kept, isLate = () => false, sum }: Upload,
): Promise<SentPart[]> {
  const send = async (index: number, range: ByteRange): Promise<SentPart | undefined> => {
    const partNumber = index + 1;
    const known = kept.get(partNumber);
    if (known?.sizeBytes === lengthOf(range)) return { partNumber, etag: known.etag };
    if (isLate()) return undefined;
    if (way === 'server') {
      return destination.uploadPartCopy(target, uploadId, partNumber, sourceOf(hub, source), range);
    }
    return budget.hold(lengthOf(range), async () => {
      // Others may have held the bytes for long.
      if (isLate()) return undefined;
      const { body } = await hub.get(source.key, { range, ifMatch: source.etag });
      const bytes = await readBody(body, source, lengthOf(range));
      const md5 = hash('md5', bytes);
      const summed = sum?.add(index, bytes);
      const part = await destination.uploadPart(target, uploadId, partNumber, bytes, { md5 });
      await summed;
      return { ...part, md5 };
    });
  };
  const results = await inParallel(parts.entries(), PARTS_AT_ONCE, ([index, range]) =>
    send(index, range).finally(() => sum?.giveUp(index)),
  );
  return results.filter((part) => part !== undefined);
}

async function orAbort<Result>(
  store: ObjectStore,
  key: ObjectKey,
  uploadId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await abort(store, key, uploadId, error);
    throw error;
  }
}

/** Parts that stay cost money until the bucket's lifecycle finds them; the first error is still the one that counts. */
async function abort(store: ObjectStore, key: ObjectKey, uploadId: string, cause: unknown): Promise<void> {
  try {
    await store.abortMultipart(key, uploadId);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new SyncError(`${error.message}; the upload was being aborted because of: ${String(cause)}`, {
      op: 'abort-multipart',
      key,
      retryable: true,
      cause,
      hint: `Upload ${uploadId} is left to the next copy of the key, or to the lifecycle rule of ${store.bucket}.`,
    });
  }
}

async function abortLeftBehind(store: ObjectStore, key: ObjectKey, nowMs: number): Promise<void> {
  try {
    for await (const upload of store.listUploads(key)) {
      if (upload.key !== key || nowMs - upload.initiatedMs < LEFT_BEHIND_MS) continue;
      await store.abortMultipart(key, upload.uploadId);
    }
  } catch (error) {
    // A store that cannot list them can take one all the same.
    if (!(error instanceof SyncError) || error.code !== 'NotImplemented') throw error;
  }
}

function sourceOf(hub: ObjectStore, source: ObjectHead): CopySource {
  return { bucket: hub.bucket, key: source.key, ifMatch: source.etag };
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}
