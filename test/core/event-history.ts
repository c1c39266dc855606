/**
 * The history of one key at the hub, and what the ledger makes of its events, which come in any order, twice, or late.
 * With choices from a seed it is quick enough for millions of them: `npm run torture -- --only histories`.
 */
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ObjectHead } from '#core/ports.ts';
import { fold } from '#core/replay.ts';
import type { ObjectEvent } from '#core/s3-event.ts';

export interface HistoryStep {
  delete: boolean;
  /** Few: the same bytes come again. */
  content: number;
}

/** How a store numbers its events, and whether it keeps versions. */
export interface EventSource {
  name: string;
  sequencerOf(step: number): string;
  versioned: boolean;
}

export interface Played {
  /** Why the ledger is not what the hub is; `undefined`: it is. */
  wrong: string | undefined;
  /** Deliveries that were not the first of their event, or came before an older event. */
  disturbed: number;
}

/** From 0 to `limit - 1`. */
type Choose = (limit: number) => number;

const NOW_MS = 1_700_000_000_500;
const KEY = objectKey('k');
const LONGEST = 12;
const CONTENTS = 3;

const NUMBERINGS: Record<string, EventSource['sequencerOf']> = {
  'AWS: one length': (step) => step.toString(16).padStart(18, '0').toUpperCase(),
  'growing length': (step) => (step + 10).toString(16),
  'LocalStack: a constant': () => '0055AED6DCD90281E5',
  'MinIO: none to trust': () => '',
  'AWS, then restored from elsewhere': (step) =>
    step < 4 ? step.toString(16).padStart(18, '0') : step.toString(16).padStart(16, '0'),
};

export const SOURCES: readonly EventSource[] = Object.entries(NUMBERINGS).flatMap(([name, sequencerOf]) =>
  [true, false].map((versioned) => ({
    name: `${name}, ${versioned ? 'versioned' : 'plain'}`,
    sequencerOf,
    versioned,
  })),
);

/** Of any source, with any steps. */
export function playAny(choose: Choose): Played & { source: string; steps: HistoryStep[] } {
  const source = SOURCES[choose(SOURCES.length)] as EventSource;
  const steps = Array.from({ length: 1 + choose(LONGEST) }, () => ({
    delete: choose(2) === 0,
    content: choose(CONTENTS),
  }));
  return { ...play(steps, source, choose), source: source.name, steps };
}

/**
 * Plays the bucket and the queue at once: at each moment either the next step happens, or some event that waits is
 * delivered, maybe not for the last time. HEAD shows the bucket as it is at that moment.
 */
export function play(steps: readonly HistoryStep[], source: EventSource, choose: Choose): Played {
  const waiting: { event: ObjectEvent; deliveries: number; isNew: boolean }[] = [];
  let present: ObjectHead | undefined;
  let ledger: LedgerEntry | undefined;
  let happened = 0;
  let disturbed = 0;
  while (happened < steps.length || waiting.length > 0) {
    const step = steps[happened];
    if (step !== undefined && (waiting.length === 0 || choose(2) === 0)) {
      const event = eventOf(step, happened, source);
      present = step.delete ? undefined : headOf(event, source);
      waiting.push({ event, deliveries: 1 + choose(3), isNew: true });
      if (choose(4) === 0) waiting.push({ event: LOOK, deliveries: 1, isNew: true });
      happened++;
      continue;
    }
    const at = choose(waiting.length);
    const item = waiting[at];
    if (item === undefined) continue;
    if (at > 0 || !item.isNew) disturbed++;
    item.isNew = false;
    let outcome = fold(ledger, item.event, 'not asked', NOW_MS);
    if ('ask' in outcome) outcome = fold(ledger, item.event, present, NOW_MS);
    if ('write' in outcome) {
      const { revision } = outcome.write;
      if (revision !== (ledger?.revision ?? 0) + 1) return { wrong: `revision ${revision} again`, disturbed };
      ledger = outcome.write;
    }
    item.deliveries--;
    if (item.deliveries === 0) waiting.splice(at, 1);
  }
  return { wrong: difference(ledger, present), disturbed };
}

const LOOK: ObjectEvent = {
  kind: 'look',
  name: 'Look',
  bucket: 'hub',
  key: KEY,
  sequencer: '',
  etag: '',
  sizeBytes: 0,
  versionId: '',
  timeMs: 0,
};

function eventOf(step: HistoryStep, at: number, { sequencerOf, versioned }: EventSource): ObjectEvent {
  return {
    kind: step.delete ? 'removed' : 'created',
    name: step.delete ? 'ObjectRemoved:Delete' : 'ObjectCreated:Put',
    bucket: 'hub',
    key: KEY,
    sequencer: sequencerOf(at),
    etag: step.delete ? '' : `etag-${step.content}`,
    sizeBytes: step.content,
    versionId: versioned ? `v${at}` : '',
    timeMs: 1_000 * at,
  };
}

function headOf({ etag, sizeBytes, versionId, timeMs }: ObjectEvent, { versioned }: EventSource): ObjectHead {
  const version = versioned ? { versionId } : {};
  return { key: KEY, sizeBytes, etag, lastModifiedMs: timeMs, metadata: {}, ...version };
}

function difference(ledger: LedgerEntry | undefined, present: ObjectHead | undefined): string | undefined {
  const known = `${ledger?.state} ${ledger?.etag} ${ledger?.sizeBytes}`;
  const truth = present === undefined ? 'deleted  0' : `present ${present.etag} ${present.sizeBytes}`;
  return known === truth ? undefined : `the ledger says "${known}", the hub "${truth}"`;
}
