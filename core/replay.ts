/** Folds events into the ledger: what one event changes in the row of its key. Events are hints; HEAD is the truth. */
import type { LedgerEntry, Permissions } from './ledger-entry.ts';
import type { ObjectHead } from './ports.ts';
import type { ObjectEvent } from './s3-event.ts';
import { isOrdered, orderOfEvents } from './sequencer.ts';

/** Longer than any queue keeps an event (14 days), so that none can revive what was deleted. */
export const TOMBSTONE_SEC = 30 * 86_400;

/** An event's time is a little beside its object's, which headers tell in whole seconds. */
const EVENT_DELAY_MS = 2_000;

/** As a row's sequencer: HEAD decides about every event of this key. */
const NO_PLACE = '?';

export type FoldOutcome =
  | { write: LedgerEntry; reason: string }
  | { ignore: string }
  /** Only the present state can decide: call again with the answer of HEAD, read after the entry was. */
  | { ask: 'head'; reason: string };

/**
 * | ledger row                | event against row | HEAD      | outcome                                  |
 * | ------------------------- | ----------------- | --------- | ---------------------------------------- |
 * | any                       | other kind        | any       | ignore                                   |
 * | any                       | look              | not asked | ask                                      |
 * | none, or `unknown`        | ordered           | not asked | write the event                          |
 * | none, or `unknown`        | not ordered       | not asked | ask                                      |
 * | present or deleted        | newer             | not asked | write the event                          |
 * | present or deleted        | older or same     | not asked | ignore                                   |
 * | present or deleted        | undecidable       | not asked | ask                                      |
 * | none                      | look, untold      | nothing   | ignore                                   |
 * | any                       | any               | answered  | write what HEAD says                     |
 *
 * What HEAD says is written also where the row says it already: whoever has asked before, and is about to write what he
 * was told, must find that the row is another one.
 *
 * Permissions belong to the key and outlive its object: what was told before the upload is kept for it. The newest told
 * count, whatever became of the rest of the event.
 *
 * @param head `undefined`: HEAD says that the key holds nothing.
 * @param nowMs for the expiry of tombstones.
 */
export function fold(
  entry: LedgerEntry | undefined,
  event: ObjectEvent,
  head: ObjectHead | undefined | 'not asked',
  nowMs: number,
): FoldOutcome {
  if (event.kind === 'other') return { ignore: `${event.name} changes nothing that the ledger keeps` };
  if (head !== 'not asked') return foldHead(entry, event, head, nowMs);
  if (event.kind === 'look') return { ask: 'head', reason: 'somebody asks to look' };
  if (entry === undefined || entry.state === 'unknown') {
    if (!isOrdered(event)) return { ask: 'head', reason: 'the event has no sequencer to go by' };
    return { write: fromEvent(entry, event, nowMs), reason: 'the first event of the key' };
  }
  const known = { sequencer: entry.sequencer, etag: entry.etag, timeMs: entry.eventTimeMs };
  const order = orderOfEvents({ ...event, etag: event.kind === 'removed' ? '' : event.etag }, known);
  switch (order) {
    case 'newer':
      return { write: fromEvent(entry, event, nowMs), reason: 'newer than what the ledger knows' };
    case 'older':
      return { ignore: 'older than what the ledger knows' };
    case 'same':
      return { ignore: 'a duplicate of what the ledger knows' };
    default:
      return { ask: 'head', reason: 'its sequencer cannot be compared with the one in the ledger' };
  }
}

function foldHead(
  entry: LedgerEntry | undefined,
  event: ObjectEvent,
  head: ObjectHead | undefined,
  nowMs: number,
): FoldOutcome {
  const truth = head === undefined ? fromAbsence(entry, event, nowMs) : fromHead(entry, event, head, nowMs);
  if (entry === undefined) {
    const untold = event.kind === 'look' && truth.permissions === undefined;
    if (truth.state === 'deleted' && untold)
      return { ignore: 'neither the ledger nor the hub knows the key' };
    return { write: truth, reason: 'HEAD decided' };
  }
  if (sameState(entry, truth)) {
    const { revision, sequencer, permissions } = truth;
    const { eventTimeMs } = isTimed(truth) ? truth : entry;
    const told = permissions === undefined ? {} : { permissions };
    const write = { ...entry, revision, sequencer, eventTimeMs, ...told };
    if (!samePermissions(entry, truth)) return { write, reason: 'new permissions' };
    const known = entry.sequencer === truth.sequencer;
    return { write, reason: known ? 'the ledger already says what HEAD says' : 'HEAD decided' };
  }
  return { write: truth, reason: 'HEAD decided' };
}

/**
 * The sequencer is kept only when the version proves that this very event made the present state. An equal ETag does
 * not: of A, B, A the first A would let a late B through. Nor does the version, once versions of the key were removed: of
 * A, B, and B removed, A is the present state again, and its sequencer would let B through.
 */
function fromHead(
  entry: LedgerEntry | undefined,
  event: ObjectEvent,
  head: ObjectHead,
  nowMs: number,
): LedgerEntry {
  const versionId = head.versionId ?? '';
  const made = event.kind === 'created' && versionId !== '' && versionId === event.versionId;
  // A look has no place in the order, and takes none away from the very version that the row is about.
  const known = event.kind === 'look' && versionId !== '' && versionId === entry?.versionId;
  return {
    ...base(entry, event, nowMs),
    state: 'present',
    sequencer: placeLost(entry, event) ? NO_PLACE : made ? event.sequencer : known ? entry.sequencer : '',
    etag: head.etag,
    versionId,
    sizeBytes: head.sizeBytes,
    eventTimeMs: made ? event.timeMs : head.lastModifiedMs,
  };
}

function fromAbsence(entry: LedgerEntry | undefined, event: ObjectEvent, nowMs: number): LedgerEntry {
  const timeMs = event.kind === 'removed' ? event.timeMs : nowMs;
  return tombstone(
    {
      ...base(entry, event, nowMs),
      sequencer: placeLost(entry, event) ? NO_PLACE : '',
      eventTimeMs: timeMs,
      versionId: '',
    },
    nowMs,
  );
}

/** Whether the key's present state may be an older one than its last event tells of. */
function placeLost(entry: LedgerEntry | undefined, event: ObjectEvent): boolean {
  const removesVersion = event.kind === 'removed' && event.versionId !== '' && !isOrdered(event);
  return removesVersion || entry?.sequencer === NO_PLACE;
}

function fromEvent(entry: LedgerEntry | undefined, event: ObjectEvent, nowMs: number): LedgerEntry {
  const { sequencer, versionId, timeMs } = event;
  const row = { ...base(entry, event, nowMs), sequencer, versionId, eventTimeMs: timeMs };
  if (event.kind === 'removed') return tombstone(row, nowMs);
  return { ...row, state: 'present', etag: event.etag, sizeBytes: event.sizeBytes };
}

function base(entry: LedgerEntry | undefined, event: ObjectEvent, nowMs: number) {
  const permissions = newest(entry?.permissions, toldBy(event, nowMs));
  return {
    key: event.key,
    revision: (entry?.revision ?? 0) + 1,
    mirrors: entry?.mirrors ?? {},
    ...(entry?.delivery === undefined ? {} : { delivery: entry.delivery }),
    ...(permissions === undefined ? {} : { permissions }),
  };
}

/** A clock that runs ahead does not shut out what comes later. */
function toldBy({ permissions: json, timeMs }: ObjectEvent, nowMs: number): Permissions | undefined {
  return json === undefined ? undefined : { json, atMs: Math.min(timeMs, nowMs) };
}

/** Of two told at one time, every order of arrival keeps the same. */
function newest(known: Permissions | undefined, told: Permissions | undefined): Permissions | undefined {
  if (known === undefined || told === undefined) return known ?? told;
  if (told.atMs !== known.atMs) return told.atMs > known.atMs ? told : known;
  return told.json > known.json ? told : known;
}

function tombstone(
  row: Omit<LedgerEntry, 'state' | 'etag' | 'sizeBytes' | 'expiresAtSec'>,
  nowMs: number,
): LedgerEntry {
  const deleted = { ...row, state: 'deleted', etag: '', sizeBytes: 0 } as const;
  // What was told of the key is kept for the object that comes next.
  if (row.permissions !== undefined) return deleted;
  return { ...deleted, expiresAtSec: Math.floor(nowMs / 1000) + TOMBSTONE_SEC };
}

/** Whether the store's time of an object tells that it was written again: its metadata may be others, at one ETag. */
export function isWrittenLater({ eventTimeMs }: LedgerEntry, lastModifiedMs: number): boolean {
  return lastModifiedMs > eventTimeMs + EVENT_DELAY_MS;
}

/** Whether only its time, as headers tell it, can say that the same bytes were written again. */
function isTimed({ state, versionId, sequencer }: LedgerEntry): boolean {
  return state === 'present' && versionId === '' && sequencer === '';
}

function sameState(left: LedgerEntry, right: LedgerEntry): boolean {
  if (left.state !== right.state || left.etag !== right.etag || left.sizeBytes !== right.sizeBytes)
    return false;
  if (left.state === 'deleted') return true;
  if (isWrittenLater(left, right.eventTimeMs)) return false;
  const timed = isTimed(left) && isTimed(right);
  return left.versionId === right.versionId && !(timed && left.eventTimeMs !== right.eventTimeMs);
}

function samePermissions(left: LedgerEntry, right: LedgerEntry): boolean {
  return (
    left.permissions?.json === right.permissions?.json && left.permissions?.atMs === right.permissions?.atMs
  );
}
