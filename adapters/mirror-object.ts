/**
 * Makes a destination hold what the hub holds of one key, and proves it. The plan is made from HEAD of both sides, so
 * that any event, late or twice, ends in the present state; and it is made again until the source has stayed the same.
 *
 * What each request is for, of an object in one piece:
 * - HEAD of both sides shows what there is to do; where an event or a listing has named a state, the copy asks for that
 *   state instead (If-Match), and HEAD follows only when it is not the present one;
 * - GET or CopyObject with If-Match is of exactly the ETag named, and tells or carries the attributes;
 * - PUT carries the MD5, which the destination checks; its answer is the proof that the bytes are there;
 * - HEAD of the source afterwards shows that no later state was overwritten: of several handlers of a key the last to
 *   write sees what the source is now, and goes again;
 * - the tags of the source afterwards, where tags travel, show that no later ones were overwritten: another handler may
 *   have carried them while the copy was on its way. Where the store counts them, and there are none, HEAD has told;
 * - HEAD of the destination afterwards is left out where the copy's answer has proved the bytes: both ETags are one MD5.
 */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { type CopyCut, type CopyWay, isMd5, type MirrorPlan, planMirror } from '#core/mirror-plan.ts';
import type { Controls, Ledger, ObjectHead, ObjectStore } from '#core/ports.ts';
import { type Copied, copySeen, type SeenSource } from './copy-seen.ts';
import { type CopyStepPorts, clearUpload, copyStep, unlessMoved } from './copy-step.ts';
import type { DeleteGuard } from './delete-permit.ts';
import { handedUploads } from './handed-upload.ts';
import { carryTags, sameTags } from './mirror-tags.ts';
import type { ReadTags } from './source-tags.ts';

export interface MirrorPorts extends CopyStepPorts {
  ledger: Pick<Ledger, 'recordMirror'>;
  controls: Controls;
  guard: DeleteGuard;
  /** Of the source's objects; absent: each is asked for its tags. */
  readTags?: ReadTags;
}

export interface MirrorSettings {
  name: string;
  prefix: string;
  /** Whether deletes are carried out at the destination. */
  deletes: boolean;
  /** `server`: the destination can read the hub by itself. */
  way: CopyWay;
  /** Absent: parts of many MiB. */
  cut?: CopyCut;
  /** Whether both stores keep tags, and they travel. */
  tags: boolean;
  /** Whether the destination's bucket is made when it is not there. */
  createBucket: boolean;
}

/** What is known of why the key is looked at. */
export interface MirrorHints {
  /** Its tags may have changed, which no HEAD shows. */
  tagging?: boolean;
  /** It was asked for by Sluice itself: an upload may be left of an earlier copy. */
  look?: boolean;
  /** The guard has let a delete of this key through before. */
  approved?: boolean;
  /** The state that an event or a listing has told of. */
  seen?: SeenSource;
  /**
   * The caller makes sure itself that the source still is what was copied, when `unconfirmed` asks for it, and looks at
   * each key once at a time: then no other handler can have carried later tags.
   */
  confirmLater?: boolean;
}

export interface MirrorOutcome {
  /** `continued`: another look at the key goes on with the copy. `held`: the guard keeps the destination's object. */
  did: 'copied' | 'deleted' | 'tagged' | 'continued' | 'held' | 'nothing';
  reason: string;
  sizeBytes: number;
  /** From the change of the source to its confirmation at the destination; of `copied` only. */
  lagMs?: number;
  /** What was copied, and nobody has looked since whether the source still is that. */
  unconfirmed?: Copied['source'];
}

/** A source that changes faster than it can be copied is left to its next event. */
const MAX_ROUNDS = 5;

/**
 * Resolves when the destination was seen to hold what the source was then seen to hold, and the ledger knows it; or
 * with `continued` or `held`.
 *
 * @throws SyncError retryable when the source kept changing, or the destination does not show what was copied.
 */
export async function mirrorObject(
  ports: MirrorPorts,
  settings: MirrorSettings,
  key: ObjectKey,
  hints: MirrorHints = {},
): Promise<MirrorOutcome> {
  const { hub, destination, ledger, nowMs } = ports;
  const target = objectKey(settings.prefix + key);
  const uploads = handedUploads(ports.controls, settings.name, key, nowMs);
  const record = (sourceEtag: string, targetEtag: string | undefined, atMs: number) =>
    ledger.recordMirror(key, settings.name, {
      sourceEtag,
      ...(targetEtag === undefined ? {} : { targetEtag }),
      atMs,
    });
  let tagging = hints.tagging ?? false;
  let did: MirrorOutcome | undefined;
  let copied: Copied | undefined;

  if (hints.seen !== undefined && !tagging) {
    copied = await copySeen(ports, settings, { key, target }, hints.seen);
    if (copied !== undefined) {
      if (hints.look === true) await clearUpload(ports, uploads, target);
      const { sizeBytes } = copied.source;
      did = { did: 'copied', reason: 'the source has a new state', sizeBytes };
      if (hints.confirmLater === true && isProven(copied)) {
        return { ...did, ...lag(did, copied.source, nowMs()), unconfirmed: copied.source };
      }
    }
  }
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    // Taken before HEAD: of two handlers, the one that looked last has the record.
    const atMs = nowMs();
    const { source, found, confirmed } = await look(ports, settings, key, target, copied);
    const plan: MirrorPlan = confirmed
      ? { do: 'nothing', reason: 'confirmed', holds: source?.etag ?? '' }
      : planMirror(source, found, settings);
    if (source === undefined || (hints.look === true && !inParts(plan)))
      await clearUpload(ports, uploads, target);

    if (plan.do === 'nothing') {
      const isCopy = source !== undefined && (found !== undefined || confirmed);
      if (settings.tags && isCopy && (tagging || (copied && (await mayHaveOthers(ports, source, copied))))) {
        const given = tagging ? undefined : copied?.tags;
        const tagged = await unlessMoved(carryTags(hub, destination, key, target, given));
        if (tagged === undefined) {
          tagging = true;
          copied = undefined;
          continue;
        }
        if (tagged === 'set') did ??= { did: 'tagged', reason: 'its tags were others', sizeBytes: 0 };
      }
      if (plan.holds !== undefined) await record(plan.holds, found?.etag ?? copied?.etag, atMs);
      return {
        ...(did ?? { did: 'nothing', reason: plan.reason, sizeBytes: 0 }),
        ...lag(did, source, nowMs()),
      };
    }
    if (round === MAX_ROUNDS) break;
    copied = undefined;
    if (plan.do === 'delete') {
      const permit = hints.approved === true ? undefined : await ports.guard.ask(1);
      if (permit?.allowed === false) {
        await ports.guard.hold(permit.reason);
        return { did: 'held', reason: permit.reason, sizeBytes: 0 };
      }
      const answer = await destination.delete(target, { ifMatch: plan.ifMatch });
      if (answer === 'deleted') did = { did: 'deleted', reason: plan.reason, sizeBytes: 0 };
    } else if (source !== undefined) {
      const outcome = await copyStep(ports, plan, source, target, { uploads, tags: settings.tags });
      if ('moved' in outcome) continue;
      if ('ended' in outcome) return { did: outcome.ended, reason: outcome.reason, sizeBytes: 0 };
      copied = { source, ...outcome };
      // Who told of later tags since the upload began found it in work.
      if (outcome.wentOn) tagging = true;
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

/** What both sides have now; `confirmed`: the source is still what was copied, and the destination what came of it. */
async function look(
  { hub, destination }: MirrorPorts,
  settings: MirrorSettings,
  key: ObjectKey,
  target: ObjectKey,
  copied: Copied | undefined,
): Promise<{ source?: ObjectHead | undefined; found?: ObjectHead | undefined; confirmed: boolean }> {
  if (copied !== undefined && isProven(copied)) {
    const source = await hub.head(key);
    if (isStill(copied.source, source)) return { source, confirmed: true };
    return { source, found: await headAt(destination, target, settings), confirmed: false };
  }
  const [source, found] = await Promise.all([hub.head(key), headAt(destination, target, settings)]);
  const shown = copied !== undefined && found?.etag === copied.etag && found.sizeBytes === source?.sizeBytes;
  return { source, found, confirmed: shown && isStill(copied.source, source) };
}

/** A bucket that is not there is made where the settings ask for it; it is never taken for an empty one. */
async function headAt(
  destination: ObjectStore,
  target: ObjectKey,
  { createBucket }: MirrorSettings,
): Promise<ObjectHead | undefined> {
  try {
    return await destination.head(target);
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'NoSuchBucket' || !createBucket) throw error;
    await destination.createBucket();
    return undefined;
  }
}

/** Whether the source may have other tags than the copy was given; those that the store carried are the same or newer. */
async function mayHaveOthers(
  { readTags }: MirrorPorts,
  source: ObjectHead,
  { tags = {} }: Copied,
): Promise<boolean> {
  return readTags === undefined || !sameTags(await readTags(source), tags);
}

function inParts(plan: MirrorPlan): boolean {
  return plan.do === 'copy' && plan.parts !== 'whole';
}

function lag(
  did: MirrorOutcome | undefined,
  source: Copied['source'] | undefined,
  nowMs: number,
): { lagMs?: number } {
  return did?.did === 'copied' && source !== undefined ? { lagMs: nowMs - source.lastModifiedMs } : {};
}

/** The copy's own answer says that the bytes are those of the source: both stores name their MD5. */
function isProven({ source, etag }: Copied): boolean {
  return etag === source.etag && isMd5(etag);
}

/** Whether the source is what was copied, and has not been written again with the same bytes. */
export function isStill(
  copied: Copied['source'],
  now: Pick<ObjectHead, 'etag' | 'lastModifiedMs' | 'versionId'> | undefined,
): boolean {
  if (now?.etag !== copied.etag) return false;
  if (copied.versionId !== undefined && now.versionId !== undefined)
    return now.versionId === copied.versionId;
  return seconds(now.lastModifiedMs) === seconds(copied.lastModifiedMs);
}

/** Headers have whole seconds where listings have more. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
