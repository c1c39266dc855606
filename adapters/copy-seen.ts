/**
 * The short way of a small object: the state that an event or a listing has named is read by its ETag and written, and
 * neither side is asked before. Whatever is not as it was named is left to the long way, which asks both.
 */
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import { type CopyCut, type CopyWay, isMd5, mirroredAttributes, SOURCE_ETAG } from '#core/mirror-plan.ts';
import type { ObjectAttributes, ObjectHead, ObjectStore } from '#core/ports.ts';
import type { ObjectEvent } from '#core/s3-event.ts';
import type { CopyPorts } from './copy-object.ts';
import { unlessMoved } from './copy-step.ts';
import { leaveBody, provenBody } from './read-object.ts';
import type { ReadTags } from './source-tags.ts';

/** What somebody else has told of the source. A hint: the copy asks for exactly this ETag, or is none. */
export interface SeenSource {
  etag: string;
  sizeBytes: number;
  lastModifiedMs: number;
  versionId?: string;
  /** A listing of the destination has just shown that it lacks this state; an event cannot know. */
  destinationLacksIt?: boolean;
  /** An event says that a client has sent the bytes: it is not what another mirror has copied here. */
  sent?: boolean;
}

/** The state that the last event of a key names, where nothing but new states is told of it. */
export function seenIn(events: readonly ObjectEvent[]): SeenSource | undefined {
  const last = events.at(-1);
  if (last === undefined || !events.every(({ kind }) => kind === 'created')) return undefined;
  const { etag, sizeBytes, versionId, timeMs: lastModifiedMs, name } = last;
  const version = versionId === '' ? {} : { versionId };
  return { etag, sizeBytes, lastModifiedMs, ...version, sent: SENT.has(name) };
}

export interface Copied {
  /** The state that was copied. */
  source: Pick<ObjectHead, 'etag' | 'sizeBytes' | 'lastModifiedMs' | 'versionId'>;
  /** What the destination made of it. */
  etag: string;
  /** What the copy was given; absent: the store carried them, or none travel. */
  tags?: ObjectAttributes['tags'];
}

/**
 * A mirror that copies on the server makes `ObjectCreated:Copy` of it, which is looked at before it is copied on.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
 */
const SENT = new Set(['ObjectCreated:Put', 'ObjectCreated:Post']);
/** Stores that give a copy an ETag of its own, as with KMS: the short way would only copy twice. */
const withOwnEtags = new WeakSet<ObjectStore>();
/** Of a larger one the bytes cost more than the two looks that this way saves. */
const SMALL_BYTES = 1024 * 1024;

/** `undefined`: nothing is known now that was not known before; both sides have to be asked. */
export async function copySeen(
  ports: CopyPorts & { readTags?: ReadTags },
  { way, tags, cut }: { way: CopyWay; tags: boolean; cut?: CopyCut },
  { key, target }: { key: ObjectKey; target: ObjectKey },
  seen: SeenSource,
): Promise<Copied | undefined> {
  if (seen.sizeBytes > (cut?.wholeUpTo ?? SMALL_BYTES) || seen.etag === '') return undefined;
  const copy =
    way === 'stream' ? stream(ports, { key, target }, seen, tags) : onServer(ports, { key, target }, seen);
  try {
    return await unlessMoved(copy);
  } catch (error) {
    // The long way makes the bucket, or says that it is missing.
    if (!(error instanceof SyncError) || error.code !== 'NoSuchBucket') throw error;
    return undefined;
  }
}

/** One GET, which also tells the attributes, and one PUT. */
async function stream(
  { hub, destination, budget, readTags }: CopyPorts & { readTags?: ReadTags },
  { key, target }: { key: ObjectKey; target: ObjectKey },
  seen: SeenSource,
  withTags: boolean,
): Promise<Copied | undefined> {
  return budget.hold(seen.sizeBytes, async () => {
    const { head, body } = await hub.get(key, { ifMatch: seen.etag });
    const attributes = mirroredAttributes(head);
    const known = seen.destinationLacksIt === true || !mayComeBack(head, attributes);
    if (head.sizeBytes !== seen.sizeBytes || !known) {
      await leaveBody(body);
      return undefined;
    }
    const { bytes, md5 } = await provenBody(body, head);
    const tags = withTags ? { tags: await (readTags ?? (() => hub.tags(key)))(head) } : {};
    const { etag } = await destination.put(target, bytes, { ...attributes, ...tags, md5 });
    return { source: head, etag, ...tags };
  });
}

/**
 * One CopyObject, which carries attributes and tags by itself. It leaves no mark of its source: what is copied this way
 * is known again by its ETag, so that must be an MD5, and the destination's the same.
 */
async function onServer(
  { hub, destination }: CopyPorts,
  { key, target }: { key: ObjectKey; target: ObjectKey },
  seen: SeenSource,
): Promise<Copied | undefined> {
  const comesBack = seen.destinationLacksIt !== true && seen.sent !== true;
  if (comesBack || !isMd5(seen.etag) || withOwnEtags.has(destination)) return undefined;
  const { etag } = await destination.copy(target, { bucket: hub.bucket, key, ifMatch: seen.etag });
  if (etag === seen.etag) return { source: seen, etag };
  withOwnEtags.add(destination);
  return undefined;
}

/**
 * Two mirrors that face each other would hand an object to and fro for ever if neither looked whether the other has it.
 */
function mayComeBack(head: ObjectHead, { metadata }: ObjectAttributes): boolean {
  return head.metadata[SOURCE_ETAG] !== undefined || metadata[SOURCE_ETAG] === undefined;
}
