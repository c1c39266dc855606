/** Folds events into the ledger: what one event changes in the row of its key. Events are hints; HEAD is the truth. */
import type { LedgerEntry } from './ledger-entry.ts';
import type { ObjectHead } from './ports.ts';
import type { ObjectEvent } from './s3-event.ts';
import { isOrdered, orderOfEvents } from './sequencer.ts';

/** Longer than any queue keeps an event (14 days), so that none can revive what was deleted. */
export const TOMBSTONE_SEC = 30 * 86_400;

export type FoldOutcome =
  | { write: LedgerEntry; reason: string }
  | { ignore: string }
  /** Only the present state can decide: call again with the answer of HEAD, read after the entry was. */
  | { ask: 'head'; reason: string };

/**
 * | ledger row                | event against row | HEAD      | outcome                                  |
 * | ------------------------- | ----------------- | --------- | ---------------------------------------- |
 * | any                       | other kind        | any       | ignore                                   |
 * | none, or `unknown`        | ordered           | not asked | write the event                          |
 * | none, or `unknown`        | not ordered       | not asked | ask                                      |
 * | present or deleted        | newer             | not asked | write the event                          |
 * | present or deleted        | older or same     | not asked | ignore                                   |
 * | present or deleted        | undecidable       | not asked | ask                                      |
 * | any                       | any               | answered  | write what HEAD says, unless known to be |
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
  const truth = head === undefined ? fromAbsence(entry, event, nowMs) : fromHead(entry, event, head);
  if (entry !== undefined && entry.sequencer === truth.sequencer && sameState(entry, truth)) {
    return { ignore: 'the ledger already says what HEAD says' };
  }
  return { write: truth, reason: 'HEAD decided' };
}

/**
 * The sequencer is kept only when the version proves that this very event made the present state. An equal ETag does
 * not: of A, B, A the first A would let a late B through.
 */
function fromHead(entry: LedgerEntry | undefined, event: ObjectEvent, head: ObjectHead): LedgerEntry {
  const versionId = head.versionId ?? '';
  const made = event.kind === 'created' && versionId !== '' && versionId === event.versionId;
  return {
    ...base(entry, event),
    state: 'present',
    sequencer: made ? event.sequencer : '',
    etag: head.etag,
    versionId,
    sizeBytes: head.sizeBytes,
    eventTimeMs: made ? event.timeMs : head.lastModifiedMs,
  };
}

function fromAbsence(entry: LedgerEntry | undefined, event: ObjectEvent, nowMs: number): LedgerEntry {
  const timeMs = event.kind === 'removed' ? event.timeMs : nowMs;
  return tombstone({ ...base(entry, event), sequencer: '', eventTimeMs: timeMs, versionId: '' }, nowMs);
}

function fromEvent(entry: LedgerEntry | undefined, event: ObjectEvent, nowMs: number): LedgerEntry {
  const { sequencer, versionId, timeMs } = event;
  const row = { ...base(entry, event), sequencer, versionId, eventTimeMs: timeMs };
  if (event.kind === 'removed') return tombstone(row, nowMs);
  return { ...row, state: 'present', etag: event.etag, sizeBytes: event.sizeBytes };
}

function base(entry: LedgerEntry | undefined, event: ObjectEvent) {
  return { key: event.key, revision: (entry?.revision ?? 0) + 1, mirrors: entry?.mirrors ?? {} };
}

function tombstone(
  row: Omit<LedgerEntry, 'state' | 'etag' | 'sizeBytes' | 'expiresAtSec'>,
  nowMs: number,
): LedgerEntry {
  const expiresAtSec = Math.floor(nowMs / 1000) + TOMBSTONE_SEC;
  return { ...row, state: 'deleted', etag: '', sizeBytes: 0, expiresAtSec };
}

function sameState(left: LedgerEntry, right: LedgerEntry): boolean {
  return (
    left.state === right.state &&
    left.etag === right.etag &&
    left.sizeBytes === right.sizeBytes &&
    (left.state === 'deleted' || left.versionId === right.versionId)
  );
}
