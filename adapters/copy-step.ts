/** One copy of one state of a source, or its next stretch: what is not done in time is left for the next look at the key. */
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LookQueue, ObjectHead } from '#core/ports.ts';
import {
  type CopyPlan,
  type CopyPorts,
  type CopyResult,
  type CopyStretch,
  copyInTime,
} from './copy-object.ts';
import type { Copied } from './copy-seen.ts';
import type { HandedUploads } from './handed-upload.ts';

export interface CopyStepPorts extends CopyPorts, Pick<CopyStretch, 'remainingMs'> {
  /** Comes back here: where a copy that does not end in time asks for the next look at its key. */
  looks: LookQueue;
  nowMs: () => number;
}

export type CopyStep =
  | { moved: true }
  | { ended: 'nothing' | 'continued'; reason: string }
  /** `wentOn`: the upload was begun by another invocation, with the tags of that time. */
  | (Omit<Copied, 'source'> & { wentOn: boolean });

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
const MOVED = new Set(['PreconditionFailed', 'NoSuchKey', 'NotFound', 'InvalidRange', 'NoSuchUpload']);

/** @param options.tags whether the tags of the source are carried */
export async function copyStep(
  ports: CopyStepPorts,
  plan: CopyPlan,
  source: ObjectHead,
  target: ObjectKey,
  { uploads, tags: withTags }: { uploads: HandedUploads; tags: boolean },
): Promise<CopyStep> {
  const taken =
    plan.parts !== 'whole' ? await uploads.take(source, ports.remainingMs()) : { begin: true as const };
  if ('busyUntilMs' in taken) {
    const reason = 'another invocation copies it';
    // That one may have failed without giving it back, and this be its own second try.
    await ports.looks.send([{ key: source.key, reason }], taken.busyUntilMs - ports.nowMs());
    return { ended: 'nothing', reason };
  }
  if ('clear' in taken) {
    await ports.destination.abortMultipart(target, taken.clear);
    await uploads.forget(taken.clear);
  }
  const going = 'goOn' in taken ? taken.goOn : undefined;
  let tags: Pick<Copied, 'tags'> = {};
  const result = await goOn(ports, uploads, source, target, going, async () => {
    // CopyObject carries the tags by itself; an upload that goes on has them since it began.
    const carries = going !== undefined || (plan.way === 'server' && plan.parts === 'whole');
    if (withTags && !carries) tags = { tags: await ports.hub.tags(source.key) };
    const upload = going === undefined ? {} : { uploadId: going };
    const { remainingMs, nowMs } = ports;
    return copyInTime(ports, plan, source, target, { ...tags, ...upload, remainingMs, nowMs: nowMs() });
  });
  if (result === undefined) return { moved: true };
  if ('done' in result) {
    if (going !== undefined) await uploads.forget(going);
    return { etag: result.done.etag, ...tags, wentOn: going !== undefined };
  }
  const { uploadId } = result.unfinished;
  if ((await uploads.leave(uploadId, source)) === 'another') {
    await ports.destination.abortMultipart(target, uploadId);
    return { ended: 'nothing', reason: 'another copy of it goes on' };
  }
  await ports.looks.send([{ key: source.key, reason: 'its copy goes on' }]);
  return { ended: 'continued', reason: 'there was no time for all of its parts' };
}

/** `undefined`: the source or the upload is no longer what it was. What fails for good leaves no upload behind. */
async function goOn(
  { destination }: CopyPorts,
  uploads: HandedUploads,
  source: ObjectHead,
  target: ObjectKey,
  uploadId: string | undefined,
  work: () => Promise<CopyResult>,
): Promise<CopyResult | undefined> {
  try {
    const result = await unlessMoved(work());
    if (result !== undefined || uploadId === undefined) return result;
  } catch (error) {
    if (uploadId === undefined || !(error instanceof SyncError)) throw error;
    // Parts that are not the source's bytes help nobody.
    if (error.retryable && error.code !== 'ChecksumMismatch') {
      await uploads.leave(uploadId, source);
      throw error;
    }
    await destination.abortMultipart(target, uploadId);
    await uploads.forget(uploadId);
    throw error;
  }
  await destination.abortMultipart(target, uploadId);
  await uploads.forget(uploadId);
  return undefined;
}

/** An upload of a copy that nobody needs any more. */
export async function clearUpload(
  { destination }: CopyPorts,
  uploads: HandedUploads,
  target: ObjectKey,
): Promise<void> {
  const taken = await uploads.take(undefined, 0);
  if (!('clear' in taken)) return;
  await destination.abortMultipart(target, taken.clear);
  await uploads.forget(taken.clear);
}

/** Source or destination was replaced or deleted under the work: not a failure, but another state to look at. */
export async function unlessMoved<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SyncError) || !MOVED.has(error.code ?? '')) throw error;
    return undefined;
  }
}
