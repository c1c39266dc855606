/** One stretch of a reconcile run: compares from a key on until all is seen or the time is over; holds pages, no listing. */
import { SyncError } from '#core/errors.ts';
import { keyFault, type ObjectKey, objectKey } from '#core/key.ts';
import { ANOTHER_STATE, type LedgerEntry } from '#core/ledger-entry.ts';
import type {
  DeliveryQueue,
  DeliveryRequest,
  Ledger,
  Look,
  LookQueue,
  ObjectStore,
  ObjectSummary,
} from '#core/ports.ts';
import { deletesKey, planKey, type ReconcileCounts } from '#core/reconcile-message.ts';
import {
  compareCopies,
  compareLedger,
  isDeliveryBehind,
  joinByKey,
  type Sighting,
  withoutPrefix,
} from '#core/reconcile-plan.ts';
import { compareUtf8 } from '#core/utf8.ts';
import { inParallel } from './in-parallel.ts';
import { createTextUpload, type TextUpload } from './text-upload.ts';

export interface SegmentPorts {
  hub: Pick<ObjectStore, 'list' | 'bucketExists' | 'bucket'>;
  /** Absent: hub and ledger are compared. */
  destination?: Pick<ObjectStore, 'list' | 'bucketExists' | 'createBucket' | 'bucket'>;
  /** Absent: the copies are compared by their ETags alone. */
  ledger?: Pick<Ledger, 'entries' | 'recordMirror'>;
  reports: ObjectStore;
  /** Of those who look at the keys that differ: the destination's mirror, or the ledger's replay. */
  looks: LookQueue;
  /** With the ledger, where there is a file manager. */
  deliveries?: DeliveryQueue;
  /** Milliseconds until this process has to end. */
  remainingMs: () => number;
}

export interface SegmentSettings {
  /** Of the destination, or `ledger`. */
  name: string;
  prefix: string;
  deletes: boolean;
  createBucket: boolean;
}

export interface Segment {
  runId: string;
  segment: number;
  dryRun: boolean;
  /** Up to this key everything was compared before. */
  after?: ObjectKey;
  counts: ReconcileCounts;
}

/** With less time left a segment ends: what it found has to be sent, and the next one asked for. */
const RESERVE_MS = 60_000;
const SENT_AT_ONCE = 500;
const WITHDRAWN_AT_ONCE = 32;
const NDJSON = 'application/x-ndjson';

/**
 * Answers the counts of the run so far, and the key to go on after; without one all is compared. What it found is sent
 * and written by then.
 *
 * @throws SyncError when a bucket is not there, or a listing fails or is odd: then nothing is concluded from it
 */
export async function compareSegment(
  ports: SegmentPorts,
  settings: SegmentSettings,
  { runId, segment, dryRun, after, counts }: Segment,
): Promise<{ counts: ReconcileCounts; after?: ObjectKey }> {
  const destination = await checkedDestination(ports, settings, dryRun);
  const from = after === undefined ? {} : { after };
  const sightings = joinByKey({
    hub: ports.hub.list('', { ...from, ahead: true }),
    ...(destination === undefined
      ? {}
      : { destination: listDestination(destination, settings.prefix, after) }),
    ...(ports.ledger === undefined ? {} : { entries: ports.ledger.entries(from) }),
  });
  const sums = { ...counts };
  const found = createFindings(ports, settings.name, { runId, segment, dryRun });
  try {
    for await (const sighting of sightings) {
      const { key, hub, destination: copy, entry } = sighting;
      if (after !== undefined && compareUtf8(key, after) <= 0) continue;
      sums.objects += hub === undefined ? 0 : 1;
      sums.bytes += hub?.sizeBytes ?? 0;
      sums.known += (ports.destination === undefined ? entry : copy) === undefined ? 0 : 1;
      const difference = judge(ports, settings, sighting);
      if (difference !== undefined) {
        sums[SUM_OF[difference.do]]++;
        await found.add(key, difference, entry);
      }
      if (ports.remainingMs() < RESERVE_MS) {
        await found.finish();
        return { counts: sums, after: key };
      }
    }
    await found.finish();
    return { counts: sums };
  } catch (error) {
    await found.abort();
    throw error;
  }
}

type Finding = { do: 'copy' | 'delete' | 'record' | 'deliver'; reason: string };

const SUM_OF = { copy: 'copies', delete: 'deletes', record: 'records', deliver: 'deliveries' } as const;

function judge(
  ports: SegmentPorts,
  { name, deletes }: SegmentSettings,
  sighting: Sighting,
): Finding | undefined {
  if (ports.destination !== undefined) {
    const difference = compareCopies(sighting, { name, deletes, ledger: ports.ledger !== undefined });
    return difference.do === 'nothing' ? undefined : difference;
  }
  const reason = compareLedger(sighting);
  // Whoever looks at the key for the ledger asks for its delivery too.
  if (reason !== undefined) return { do: 'copy', reason };
  if (ports.deliveries === undefined || !isDeliveryBehind(sighting.entry)) return undefined;
  return { do: 'deliver', reason: 'the file manager has another state' };
}

/** Where the findings of a segment go: looks to their queue at once, deletes to a list that waits for the guard. */
function createFindings(
  { reports, looks, deliveries, ledger }: SegmentPorts,
  name: string,
  { runId, segment, dryRun }: Pick<Segment, 'runId' | 'segment' | 'dryRun'>,
) {
  let asked: Look[] = [];
  let behind: DeliveryRequest[] = [];
  let refuted: { key: ObjectKey; atMs: number }[] = [];
  let list: TextUpload | undefined;

  async function send(): Promise<void> {
    // Retention goes by these records, and the copy may fail. One that was written since then stays.
    await inParallel(refuted, WITHDRAWN_AT_ONCE, async ({ key, atMs }) => {
      await ledger?.recordMirror(key, name, { sourceEtag: ANOTHER_STATE, atMs });
    });
    refuted = [];
    if (asked.length > 0) await looks.send(asked);
    asked = [];
    if (behind.length > 0) await deliveries?.send(behind);
    behind = [];
  }

  async function write(key: ObjectKey, line: object): Promise<void> {
    list ??= createTextUpload(reports, [key], NDJSON);
    await list.append(`${JSON.stringify(line)}\n`);
  }

  return {
    async add(key: ObjectKey, { do: what, reason }: Finding, entry: LedgerEntry | undefined): Promise<void> {
      if (dryRun) return write(planKey(runId, segment), { key, do: what, reason });
      if (what === 'delete') return write(deletesKey(runId, segment), { key, reason });
      if (what === 'deliver') behind.push({ key, revision: entry?.revision ?? 0, again: runId });
      else asked.push({ key, reason });
      const record = entry?.mirrors[name];
      if (what === 'copy' && record !== undefined) refuted.push({ key, atMs: record.atMs });
      if (asked.length + behind.length >= SENT_AT_ONCE) await send();
    },
    async finish(): Promise<void> {
      await send();
      await list?.finish();
    },
    abort: async (): Promise<void> => list?.abort(),
  };
}

/** A bucket that is gone is never an empty one, and the hub is never made. */
async function checkedDestination(
  { hub, destination }: SegmentPorts,
  { createBucket }: SegmentSettings,
  dryRun: boolean,
): Promise<SegmentPorts['destination']> {
  if (!(await hub.bucketExists())) throw noSuchBucket(hub.bucket, 'the hub');
  if (destination === undefined || (await destination.bucketExists())) return destination;
  if (!createBucket) throw noSuchBucket(destination.bucket, 'the destination');
  if (!dryRun) {
    await destination.createBucket();
    return destination;
  }
  return { ...destination, list: () => nothing() };
}

async function* nothing(): AsyncGenerator<ObjectSummary> {}

function listDestination(
  destination: Pick<ObjectStore, 'list'>,
  prefix: string,
  after: ObjectKey | undefined,
): AsyncIterable<ObjectSummary> {
  const text = prefix + (after ?? '');
  // With the prefix it may be longer than a key can be: then all is listed, and what was seen is passed over.
  const from = after === undefined || keyFault(text) !== undefined ? {} : { after: objectKey(text) };
  return withoutPrefix(destination.list(prefix, { ...from, ahead: true }), prefix);
}

function noSuchBucket(bucket: string, what: string): SyncError {
  return new SyncError(`reconcile: the bucket of ${what}, ${bucket}, does not exist`, {
    op: 'reconcile',
    retryable: false,
    code: 'NoSuchBucket',
    hint: 'Create the bucket, correct its name in the settings, or set createBucket for a destination.',
  });
}
