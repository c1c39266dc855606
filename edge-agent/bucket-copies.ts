/**
 * The copies that a comparison asks for, a stretch of the listing at a time. When all of a stretch are made, the stretch
 * is listed again: one request shows of a thousand objects that they still are what was copied, where HEAD would ask for
 * each. What is another object by then is looked at once more.
 */
import type { Copied } from '#adapters/copy-seen.ts';
import { isStill } from '#adapters/mirror-object.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectSummary } from '#core/ports.ts';
import type { Sighting } from '#core/reconcile-plan.ts';
import { compareUtf8 } from '#core/utf8.ts';
import type { Lane, LaneContext } from './bucket-lane.ts';

export interface Copies {
  /** Of every key that was listed, in order; resolves when there is room for more. */
  passed(sighting: Sighting, copy: boolean): Promise<void>;
  /**
   * Resolves when all copies are made and confirmed, or the agent stops.
   *
   * @throws SyncError when the source cannot be listed again
   */
  end(): Promise<void>;
}

/** A page of a listing: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html (MaxKeys) */
const STRETCH_KEYS = 1000;
/** A page costs a store about as much as so many HEADs. */
const WORTH_LISTING = 20;

type Unconfirmed = Map<ObjectKey, Copied['source']>;

export function createCopies({ bucket, ports, stopping }: LaneContext, lane: Lane): Copies {
  let found: Sighting[] = [];
  let keys = 0;
  let after: ObjectKey | undefined;
  let last: ObjectKey | undefined;
  let failure: SyncError | undefined;
  const confirming = new Set<Promise<void>>();

  async function sendStretch(): Promise<void> {
    const [stretch, from] = [found, after];
    [found, keys, after] = [[], 0, last];
    const confirmLater = stretch.length >= WORTH_LISTING;
    const copied: Unconfirmed = new Map();
    let underWay = stretch.length;
    for (const { key, hub, destination } of stretch) {
      const whenDone = (source?: Copied['source']) => {
        if (source !== undefined) copied.set(key, source);
        if (--underWay === 0 && copied.size > 0) inBackground(confirm(from, copied));
      };
      await lane.offer(key, { look: true, ...seenOf(hub, destination), confirmLater, whenDone });
    }
  }

  async function confirm(from: ObjectKey | undefined, copied: Unconfirmed): Promise<void> {
    const end = [...copied.keys()].reduce((one, other) => (compareUtf8(one, other) < 0 ? other : one));
    for await (const now of ports.hub.list(bucket.prefix, from === undefined ? {} : { after: from })) {
      const source = copied.get(now.key);
      if (source !== undefined && isStill(source, now)) copied.delete(now.key);
      if (stopping.aborted || compareUtf8(now.key, end) >= 0) break;
    }
    if (stopping.aborted) return;
    for (const key of copied.keys()) await lane.offer(key, { look: true });
  }

  function inBackground(work: Promise<void>): void {
    const noted = work
      .catch((error: unknown) => {
        if (!(error instanceof SyncError)) throw error;
        failure ??= error;
      })
      .finally(() => confirming.delete(noted));
    confirming.add(noted);
  }

  return {
    async passed(sighting, copy) {
      if (copy) found.push(sighting);
      if (sighting.hub === undefined) return;
      last = sighting.key;
      if (++keys >= STRETCH_KEYS) await sendStretch();
    },
    async end() {
      await sendStretch();
      await lane.idle();
      await Promise.all(confirming);
      await lane.idle();
      if (failure !== undefined) throw failure;
    },
  };
}

/** Of equal size they may be the same after all, which only HEAD of both can tell. */
function seenOf(hub: ObjectSummary | undefined, destination: ObjectSummary | undefined) {
  if (hub === undefined || destination?.sizeBytes === hub.sizeBytes) return {};
  const { etag, sizeBytes, lastModifiedMs } = hub;
  return { seen: { etag, sizeBytes, lastModifiedMs, destinationLacksIt: true } };
}
