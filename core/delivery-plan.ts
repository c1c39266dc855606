/** What the file manager still has to be told of a key, from what it has confirmed and what the hub holds. */
import { canonicalJson } from './canonical-json.ts';
import type { DeliveryRecord, LedgerEntry } from './ledger-entry.ts';
import { parseFileMetadata } from './metadata.ts';
import type { ObjectHead } from './ports.ts';

/** As the ETag of a record: a call was begun, and what became of it is not known. No store has such an ETag. */
const UNCERTAIN = '?';
/** Of one PUT, or of parts: equal ones stand for equal bytes. Other stores' identifiers need not. */
const CONTENT_ETAG = /^[0-9a-f]{32}(-\d+)?$/;

export type DeliveryCall =
  | { op: 'updatePermissions'; permissions: string }
  | { op: 'saveToDisk' }
  | { op: 'delete' };

export interface DeliveryPlan {
  /** In the order in which they are to be made; none: nothing is to be done. */
  calls: readonly DeliveryCall[];
  /** What the file manager has once they are made. */
  after: Pick<DeliveryRecord, 'etag' | 'permissions'>;
  reason: string;
}

/** Whether what the file manager has is known. */
export function isCertain(record: DeliveryRecord | undefined): record is DeliveryRecord {
  return record !== undefined && record.etag !== UNCERTAIN;
}

/**
 * The record of a call that is about to be made. It differs from every earlier one of the key, so that whoever looked at
 * the key before notices.
 *
 * @param intent names the call, so that its retry recognises it; empty: nobody's
 */
export function uncertainRecord(
  before: DeliveryRecord | undefined,
  intent: string,
  nowMs: number,
): DeliveryRecord {
  return { etag: UNCERTAIN, permissions: intent, atMs: laterThan(before, nowMs) };
}

/** Whether the record is the one that `uncertainRecord` made for that call. */
export function isIntent(record: DeliveryRecord | undefined, intent: string): boolean {
  return record?.etag === UNCERTAIN && record.permissions === intent;
}

/** Times of the records of a key only grow: that is what tells them apart. */
export function laterThan(before: DeliveryRecord | undefined, nowMs: number): number {
  return Math.max(nowMs, (before?.atMs ?? 0) + 1);
}

/**
 * | hub holds | record         | permissions     | deletes | calls                         |
 * | --------- | -------------- | --------------- | ------- | ----------------------------- |
 * | object    | this ETag      | these           | any     | none                          |
 * | object    | this ETag      | others          | any     | updatePermissions             |
 * | object    | another ETag   | these           | any     | saveToDisk                    |
 * | object    | another ETag   | others          | any     | updatePermissions, saveToDisk |
 * | object    | none           | any             | any     | updatePermissions, saveToDisk |
 * | object    | uncertain      | any             | any     | updatePermissions, saveToDisk |
 * | nothing   | no file        | any             | any     | none                          |
 * | nothing   | any ETag       | any             | on      | delete                        |
 * | nothing   | uncertain      | any             | on      | delete                        |
 * | nothing   | none, but a row | any            | on      | delete                        |
 * | nothing   | none, no row   | any             | any     | none                          |
 * | nothing   | else           | any             | off     | none                          |
 *
 * A row without a record may be one whose first call was cut off: only a delete is sure to leave nothing behind.
 *
 * @param head `undefined`: the hub holds nothing
 */
export function planDelivery(
  entry: LedgerEntry | undefined,
  head: ObjectHead | undefined,
  { deletes }: { deletes: boolean },
): DeliveryPlan {
  const record = entry?.delivery;
  const known = isCertain(record) ? record : undefined;
  const nothing = (reason: string): DeliveryPlan => ({
    calls: [],
    after: known ?? { etag: '', permissions: '' },
    reason,
  });

  if (head === undefined) {
    if (entry === undefined) return nothing('neither the ledger nor the hub knows the key');
    if (known?.etag === '') return nothing('the file manager has no such file');
    if (!deletes) return nothing('the file manager is not told of deletes');
    return {
      calls: [{ op: 'delete' }],
      after: { etag: '', permissions: '' },
      reason: 'the hub has it no longer',
    };
  }
  const permissions = permissionsOf(entry, head);
  const after = { etag: head.etag, permissions };
  const update: DeliveryCall[] =
    known !== undefined && known.etag !== '' && known.permissions === permissions
      ? []
      : [{ op: 'updatePermissions', permissions }];
  if (known?.etag !== head.etag) {
    return { calls: [...update, { op: 'saveToDisk' }], after, reason: reasonToSave(record) };
  }
  if (update.length === 0) return nothing('the file manager has this state');
  return { calls: update, after, reason: 'new permissions' };
}

export type RenamePlan =
  | { rename: true; after: Pick<DeliveryRecord, 'etag' | 'permissions'> }
  | { rename: false; reason: string };

/**
 * Whether telling of a rename saves sending the content again: the file manager has it under the key that the hub has
 * no longer. Permissions move with the file.
 *
 * @param from the row of the key that went, with what the hub holds there
 * @param to the row of the key that came, with what the hub holds there
 */
export function planRename(
  from: { entry: LedgerEntry | undefined; head: ObjectHead | undefined },
  to: { entry: LedgerEntry | undefined; head: ObjectHead | undefined },
  { deletes }: { deletes: boolean },
): RenamePlan {
  const not = (reason: string): RenamePlan => ({ rename: false, reason });
  const record = from.entry?.delivery;
  if (!deletes) return not('the file manager is not told of deletes, and a rename is half of one');
  if (from.head !== undefined) return not('the hub still has the old key');
  if (to.head === undefined) return not('the hub does not have the new key');
  if (!isCertain(record)) return not('it is not known what the file manager has under the old key');
  const { etag, permissions } = record;
  if (etag !== to.head.etag || !CONTENT_ETAG.test(etag)) return not('the file manager has another content');
  if (to.entry?.delivery?.etag === etag) return not('the file manager has the new key already');
  return { rename: true, after: { etag, permissions } };
}

/** Told by an event, else what the uploader wrote into the metadata, else none. Canonical JSON of an object. */
function permissionsOf(entry: LedgerEntry | undefined, head: ObjectHead): string {
  if (entry?.permissions !== undefined) return entry.permissions.json;
  const { mode, uid, gid } = parseFileMetadata(head.metadata);
  return canonicalJson({
    ...(mode === undefined ? {} : { mode: mode.toString(8).padStart(4, '0') }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
}

function reasonToSave(record: DeliveryRecord | undefined): string {
  if (record === undefined) return 'the file manager was never told of it';
  if (!isCertain(record)) return 'it is not known what became of the last call';
  return record.etag === '' ? 'the file manager has no such file' : 'the content is another';
}
