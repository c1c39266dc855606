/**
 * What a comparison of two listings and the ledger asks for. It only ever asks for a look: whoever looks asks both sides
 * with HEAD, so that what changed since it was listed is seen.
 */
import { SyncError } from './errors.ts';
import { type ObjectKey, objectKey } from './key.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { mergeSorted } from './merge-sorted.ts';
import { isMd5 } from './mirror-plan.ts';
import { isReserved } from './names.ts';
import type { ObjectSummary } from './ports.ts';
import { isWrittenLater } from './replay.ts';
import { compareUtf8 } from './utf8.ts';

/** Where a key was seen. At least one of them has it. */
export interface Sighting {
  key: ObjectKey;
  hub?: ObjectSummary;
  destination?: ObjectSummary;
  entry?: LedgerEntry;
}

export interface Sources {
  hub: AsyncIterable<ObjectSummary>;
  /** Keys without the destination's prefix. */
  destination?: AsyncIterable<ObjectSummary>;
  entries?: AsyncIterable<LedgerEntry>;
}

export type Difference =
  | { do: 'nothing' }
  /** `record`: both sides agree, and the ledger does not say so. */
  | { do: 'copy' | 'delete' | 'record'; reason: string };

const NOTHING: Difference = { do: 'nothing' };

/**
 * Every key of every source once, in the order of UTF-8 bytes, holding one item of each. Keys of Sluice's own are left
 * out.
 *
 * @throws SyncError `BadListing` when a source is not in that order: what is missed would be taken for absent.
 */
export async function* joinByKey({ hub, destination, entries }: Sources): AsyncGenerator<Sighting> {
  const streams = [
    ascending(
      'the hub',
      sightings(hub, (summary) => ({ key: summary.key, hub: summary })),
    ),
    ...(destination === undefined
      ? []
      : [
          ascending(
            'the destination',
            sightings(destination, (one) => ({ key: one.key, destination: one })),
          ),
        ]),
    ...(entries === undefined
      ? []
      : [
          ascending(
            'the ledger',
            sightings(entries, (entry) => ({ key: entry.key, entry })),
          ),
        ]),
  ];
  let joined: Sighting | undefined;
  for await (const sighting of mergeSorted(streams, (left, right) => compareUtf8(left.key, right.key))) {
    if (joined?.key === sighting.key) {
      joined = { ...joined, ...sighting };
      continue;
    }
    if (joined !== undefined) yield joined;
    joined = sighting;
  }
  if (joined !== undefined) yield joined;
}

/** A destination's objects under the keys of the hub. One named exactly as the prefix is of no key. */
export async function* withoutPrefix(
  listing: AsyncIterable<ObjectSummary>,
  prefix: string,
): AsyncGenerator<ObjectSummary> {
  for await (const summary of listing) {
    const text = summary.key.slice(prefix.length);
    if (text !== '') yield prefix === '' ? summary : { ...summary, key: objectKey(text) };
  }
}

/**
 * | hub     | destination | same | noted | deletes | do      |
 * | ------- | ----------- | ---- | ----- | ------- | ------- |
 * | absent  | absent      |      | any   | any     | nothing |
 * | absent  | present     |      | any   | no      | nothing |
 * | absent  | present     |      | any   | yes     | delete  |
 * | present | absent      |      | any   | any     | copy    |
 * | present | present     | no   | any   | any     | copy    |
 * | present | present     | yes  | no    | any     | record  |
 * | present | present     | yes  | early | any     | record  |
 * | present | present     | yes  | yes   | any     | nothing |
 *
 * Same: of equal size, and either noted in the ledger (this ETag of the hub was copied, and this ETag of the destination
 * is what came of it), or with an MD5 as the ETag of both. Early: before the hub's object was written, so that retention does
 * not go by it.
 *
 * @param name of the destination; with `undefined` for `entries` in the join nothing is ever asked to be noted
 */
export function compareCopies(
  { hub, destination, entry }: Sighting,
  { name, deletes, ledger }: { name: string; deletes: boolean; ledger: boolean },
): Difference {
  if (hub === undefined) {
    if (destination === undefined || !deletes) return NOTHING;
    return { do: 'delete', reason: 'the hub does not have it' };
  }
  if (destination === undefined) return { do: 'copy', reason: 'the destination lacks it' };
  if (destination.sizeBytes !== hub.sizeBytes) return { do: 'copy', reason: 'the sizes differ' };
  const record = entry?.mirrors[name];
  if (record?.sourceEtag === hub.etag && record.targetEtag === destination.etag) {
    if (!ledger || record.atMs >= hub.lastModifiedMs) return NOTHING;
    return { do: 'record', reason: 'the copy was confirmed before the object was written' };
  }
  if (destination.etag !== hub.etag || !isMd5(hub.etag)) {
    return { do: 'copy', reason: 'nothing tells that they are the same' };
  }
  return ledger ? { do: 'record', reason: 'the ledger does not know of the copy' } : NOTHING;
}

/**
 * | hub     | ledger               | look |
 * | ------- | -------------------- | ---- |
 * | absent  | none, deleted        | no   |
 * | absent  | unknown, present     | yes  |
 * | present | none, not present    | yes  |
 * | present | present, other state | yes  |
 * | present | present, same state  | no   |
 * | present | present, but earlier | yes  |
 *
 * @returns why the key is to be looked at
 */
export function compareLedger({ hub, entry }: Sighting): string | undefined {
  if (hub === undefined) {
    if (entry === undefined || entry.state === 'deleted') return undefined;
    return 'the hub no longer has it';
  }
  if (entry === undefined || entry.state !== 'present') return 'the ledger does not know it';
  if (entry.etag !== hub.etag) return 'the ledger has another ETag';
  if (entry.sizeBytes !== hub.sizeBytes) return 'the ledger has another size';
  return isWrittenLater(entry, hub.lastModifiedMs) ? 'it was written again since' : undefined;
}

/** Whether the file manager was told of another state than the row's. Metadata that changed alone does not show here. */
export function isDeliveryBehind(entry: LedgerEntry | undefined): boolean {
  if (entry === undefined || entry.state === 'unknown') return false;
  const { delivery, permissions } = entry;
  if (entry.state === 'deleted') return delivery !== undefined && delivery.etag !== '';
  if (delivery?.etag !== entry.etag) return true;
  return permissions !== undefined && delivery.permissions !== permissions.json;
}

async function* sightings<Item>(
  items: AsyncIterable<Item>,
  sighting: (item: Item) => Sighting,
): AsyncGenerator<Sighting> {
  for await (const item of items) yield sighting(item);
}

async function* ascending(name: string, items: AsyncIterable<Sighting>): AsyncGenerator<Sighting> {
  let before: ObjectKey | undefined;
  for await (const item of items) {
    if (before !== undefined && compareUtf8(before, item.key) >= 0) throw unordered(name, before, item.key);
    before = item.key;
    if (!isReserved(item.key)) yield item;
  }
}

function unordered(name: string, before: ObjectKey, after: ObjectKey): SyncError {
  return new SyncError(`the listing of ${name} has ${after} after ${before}: it is not in order`, {
    op: 'reconcile',
    key: after,
    retryable: false,
    code: 'BadListing',
    hint: 'The store does not list as S3 does; nothing was concluded from this listing.',
  });
}
