/**
 * Makes a destination hold what the hub holds of one key, and proves it. The plan is made from HEAD of both sides, so
 * that any event, late or twice, ends in the present state; and it is made again until the source has stayed the same.
 */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { planMirror } from '#core/mirror-plan.ts';
import type { Ledger, ObjectHead } from '#core/ports.ts';
import { type CopyPorts, copyObject } from './copy-object.ts';

export interface MirrorPorts extends CopyPorts {
  ledger: Pick<Ledger, 'recordMirror'>;
  nowMs: () => number;
}

export interface MirrorSettings {
  name: string;
  prefix: string;
  /** Whether deletes are carried out at the destination. */
  deletes: boolean;
  /** `server`: the destination can read the hub by itself. */
  way: 'server' | 'stream';
}

export interface MirrorOutcome {
  did: 'copied' | 'deleted' | 'nothing';
  reason: string;
  sizeBytes: number;
}

/** A source that changes faster than it can be copied is left to its next event. */
const MAX_ROUNDS = 5;
/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
const SOURCE_MOVED = new Set(['PreconditionFailed', 'NoSuchKey', 'NotFound', 'InvalidRange']);

/**
 * Resolves when the destination was seen to hold what the source was then seen to hold, and the ledger knows it.
 *
 * @throws SyncError retryable when the source kept changing, or the destination does not show what was copied.
 */
export async function mirrorObject(
  ports: MirrorPorts,
  settings: MirrorSettings,
  key: ObjectKey,
): Promise<MirrorOutcome> {
  const { hub, destination, ledger, nowMs } = ports;
  const target = objectKey(settings.prefix + key);
  const record = (sourceEtag: string, atMs: number) =>
    ledger.recordMirror(key, settings.name, { sourceEtag, atMs });
  let did: MirrorOutcome | undefined;
  let copied: { source: ObjectHead; etag: string } | undefined;

  for (let round = 0; round <= MAX_ROUNDS; round++) {
    // Taken before HEAD: of two handlers, the one that looked last has the record.
    const atMs = nowMs();
    const [source, found] = await Promise.all([hub.head(key), destination.head(target)]);
    if (did !== undefined && copied !== undefined && shows(copied, source, found)) {
      await record(copied.source.etag, atMs);
      return did;
    }
    const plan = planMirror(source, found, settings);
    if (plan.do === 'nothing') {
      if (plan.holds !== undefined) await record(plan.holds, atMs);
      return did ?? { did: 'nothing', reason: plan.reason, sizeBytes: 0 };
    }
    if (round === MAX_ROUNDS) break;
    copied = undefined;
    if (plan.do === 'delete') {
      const answer = await destination.delete(target, { ifMatch: plan.ifMatch });
      if (answer === 'deleted') did = { did: 'deleted', reason: plan.reason, sizeBytes: 0 };
    } else if (source !== undefined) {
      const result = await unlessSourceMoved(copyObject(ports, plan, source, target));
      if (result === undefined) continue;
      copied = { source, etag: result.etag };
      did = { did: 'copied', reason: plan.reason, sizeBytes: source.sizeBytes };
    }
  }
  throw new SyncError(`mirror ${key} to ${settings.name}: source or destination kept changing`, {
    op: 'mirror',
    key,
    retryable: true,
    code: 'Unsettled',
    hint: 'It is tried again with the next delivery of the event.',
  });
}

/** Whether the source is still what was copied, and the destination what the copy made. */
function shows(
  copied: { source: ObjectHead; etag: string },
  source: ObjectHead | undefined,
  found: ObjectHead | undefined,
): boolean {
  return (
    source?.etag === copied.source.etag &&
    source.versionId === copied.source.versionId &&
    source.lastModifiedMs === copied.source.lastModifiedMs &&
    found?.etag === copied.etag &&
    found.sizeBytes === source.sizeBytes
  );
}

/** The source was replaced or deleted under the copy: not a failure, but another state to look at. */
async function unlessSourceMoved<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SyncError) || !SOURCE_MOVED.has(error.code ?? '')) throw error;
    return undefined;
  }
}
