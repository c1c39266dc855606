/** What a batch of events did to the ledger, handed on once: to the change journal, and to those who deliver it. */
import { imageOf, journalKey, journalText, type LedgerChange } from '#core/journal.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { DeliveryQueue, DeliveryRequest, ObjectStore } from '#core/ports.ts';
import { detectRenames } from '#core/rename-detection.ts';
import type { ObjectEvent } from '#core/s3-event.ts';

export interface HandOnPorts {
  reports: Pick<ObjectStore, 'put'>;
  /** Absent: nobody is told. */
  deliveries: DeliveryQueue | undefined;
  nowMs: () => number;
}

/** What replaying one event did. */
export interface Replayed {
  event: ObjectEvent;
  before: LedgerEntry | undefined;
  /** The row as it is now, written or not; `undefined`: there is none. */
  after: LedgerEntry | undefined;
  written: boolean;
  reason: string;
}

export interface ReplayedBatch {
  add(replayed: Replayed): void;
  /** Those of keys that somebody has told to be renamed. */
  renames(): readonly Replayed[];
  /** Events so far. */
  readonly size: number;
  /** Journal first, then deliveries. Throws when either did not take all of it: then all of it must be replayed again. */
  handOn(id: string): Promise<void>;
}

export function createReplayedBatch({ reports, deliveries, nowMs }: HandOnPorts): ReplayedBatch {
  const all: Replayed[] = [];
  return {
    add: (replayed) => void all.push(replayed),
    renames: () => all.filter(({ event }) => event.renamedFrom !== undefined),
    get size() {
      return all.length;
    },
    async handOn(id) {
      const changes = all.filter(({ written }) => written).flatMap((one) => changeOf(one, nowMs()));
      const lines = [...changes, ...restated(all, changes, nowMs())];
      if (lines.length > 0) {
        const key = journalKey(new Date(nowMs()).toISOString(), id);
        const contentType = 'application/x-ndjson';
        await reports.put(key, new TextEncoder().encode(journalText(lines)), { metadata: {}, contentType });
      }
      const requests = deliveries === undefined ? [] : requestsOf(all, changes, id);
      if (requests.length > 0) await deliveries?.send(requests);
    },
  };
}

function changeOf({ event, before, after, reason }: Replayed, atMs: number): LedgerChange[] {
  if (after === undefined) return [];
  const was = before === undefined ? {} : { before: imageOf(before) };
  return [{ key: event.key, atMs, reason, ...was, after: imageOf(after) }];
}

/**
 * Rows that events of this batch did not change are told of as they are: the event may be one whose line was lost with
 * the function that wrote the row. So is a row that is newer than the last line of its key: a write whose answer was lost
 * is seen as somebody else's.
 */
function restated(all: readonly Replayed[], changes: readonly LedgerChange[], atMs: number): LedgerChange[] {
  const told = new Map(changes.map(({ key, after }) => [key, after.revision]));
  const lines: LedgerChange[] = [];
  for (const { event, after } of all) {
    if (event.kind === 'other' || after === undefined) continue;
    const revision = told.get(event.key);
    if (revision !== undefined && revision >= after.revision) continue;
    told.set(event.key, after.revision);
    lines.push({ key: event.key, atMs, reason: 'as it is', before: imageOf(after), after: imageOf(after) });
  }
  return lines;
}

/**
 * Also for rows that did not change: the request of whoever changed them may be lost, and the object may have come and
 * gone while nobody looked but a delivery. Such a request is set apart by its batch, because the queue would take it for
 * the one that is being worked on, which may have looked before the event.
 *
 * Also where the record says that the file manager has no such file: a delivery that has read the object before it went
 * may not have noted yet that it saves it. Only a look in the key's own turn, after that delivery, can tell.
 */
function requestsOf(
  all: readonly Replayed[],
  changes: readonly LedgerChange[],
  id: string,
): DeliveryRequest[] {
  const rows = new Map<ObjectKey, LedgerEntry>();
  const hints = new Map<ObjectKey, ObjectKey>();
  for (const { event, after } of all) {
    if (event.kind === 'other' || after === undefined) continue;
    rows.set(event.key, after);
    if (event.renamedFrom !== undefined) hints.set(event.key, event.renamedFrom);
  }
  const renames = [...detectRenames(changes, hints)].filter(([to]) => rows.get(to)?.state === 'present');
  // A rename that this batch has seen is about both keys. One that was told may have been asked for already.
  const covered = new Set(renames.flatMap(([to, from]) => (hints.has(to) ? [] : [from])));
  const byKey = new Map(renames);
  const changed = new Set(changes.map(({ key }) => key));
  const first: DeliveryRequest[] = [];
  const others: DeliveryRequest[] = [];
  for (const [key, { revision }] of rows) {
    const renamedFrom = byKey.get(key);
    const request = { key, revision, ...(changed.has(key) ? {} : { again: id }) };
    if (renamedFrom !== undefined) first.push({ ...request, renamedFrom });
    else if (!covered.has(key)) others.push(request);
  }
  // In the turn of the old key, the rename before its delete.
  return [...first, ...others];
}
