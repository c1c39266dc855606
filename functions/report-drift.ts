/**
 * Compares a full state with what the changes should have made of the one before; what differs is told and repaired.
 *
 * It runs when the journal has been read to well past the end of the scan, so that every write which the scan can have
 * seen has been told by then. What a repair tells is the row as it is now, read after the comparison: a change that came
 * since is not undone by it. Idempotent: a repair that is told twice is one row of the next diff.
 */
import { inParallel } from '#adapters/in-parallel.ts';
import { safeCells } from '#core/cells.ts';
import { applied, judgeDrift } from '#core/drift.ts';
import { imageOf, journalKey, journalText, type LedgerChange, type LedgerImage } from '#core/journal.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { createCsvUpload } from './csv-upload.ts';
import type { Log } from './log.ts';
import { comparedRows, diffsSince, MAX_DIFFS } from './report-rows.ts';
import type { FullState } from './report-state.ts';

export interface DriftPorts {
  reports: ObjectStore;
  ledger: Pick<Ledger, 'get'>;
  log: Log;
  nowMs: () => number;
  remainingMs: () => number;
}

export interface DriftAnswer {
  /** Keys that were compared. */
  compared: number;
  drifted: number;
  /** Where they are listed; absent when there are none. */
  file?: ObjectKey;
  /** Why the comparison did not go to its end. */
  incomplete?: string;
  /** The rest is found by comparing the next full state with the same old one: what was repaired is told by then. */
  goesOn?: boolean;
}

interface Drifted {
  key: ObjectKey;
  reason: string;
  expected: LedgerImage | undefined;
  found: LedgerImage | undefined;
}

const COLUMNS = ['key', 'reason', 'expected_state', 'expected_size', 'expected_etag', 'expected_revision']
  .concat(['found_state', 'found_size', 'found_etag', 'found_revision'])
  .concat(['expected_permissions', 'found_permissions']);
const REPAIRS_AT_ONCE = 16;
const REPAIRS_AN_OBJECT = 500;
/** Beyond it the ledger or the journal is broken as a whole. */
const MAX_DRIFT = 100_000;
const RESERVE_MS = 180_000;
const LOOK_AT_TIME_EVERY = 5_000;

/** @param time of this run, ISO 8601: the name of the file */
export async function checkDrift(
  ports: DriftPorts,
  time: string,
  { old, candidate }: { old: FullState; candidate: FullState },
  maxDrift = MAX_DRIFT,
): Promise<DriftAnswer> {
  const { reports, log, remainingMs } = ports;
  const diffs = await diffsSince(reports, old.time);
  if (diffs.length > MAX_DIFFS) {
    return {
      compared: 0,
      drifted: 0,
      incomplete: `${diffs.length} files of changes are more than can be compared`,
    };
  }
  const answer: DriftAnswer = { compared: 0, drifted: 0 };
  const sink = driftSink(ports, time);
  try {
    const files = { old: old.key, new: candidate.key, newTime: candidate.time, diffs };
    for await (const { key, least, most, row } of byKey(comparedRows(reports, files))) {
      answer.compared++;
      const verdict = judgeDrift({ least, most }, row);
      if (typeof verdict === 'object') {
        answer.drifted++;
        log.warn('drift', { key, reason: verdict.drift });
        await sink.add({ key, reason: verdict.drift, expected: most, found: row });
      }
      if (answer.drifted >= maxDrift) {
        answer.incomplete = `${maxDrift} keys have drifted; the rest is compared after the next full state`;
        answer.goesOn = true;
      } else if (answer.compared % LOOK_AT_TIME_EVERY === 0 && remainingMs() < RESERVE_MS) {
        answer.incomplete = `the time did not suffice: nothing after ${key} was compared`;
      }
      if (answer.incomplete !== undefined) break;
    }
    const file = await sink.finish();
    return file === undefined ? answer : { ...answer, file };
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

interface Compared {
  key: ObjectKey;
  least: LedgerImage | undefined;
  most: LedgerImage | undefined;
  row: LedgerImage | undefined;
}

async function* byKey(rows: ReturnType<typeof comparedRows>): AsyncGenerator<Compared> {
  let current: Compared | undefined;
  for await (const { key, source, image } of rows) {
    if (current?.key !== key) {
      if (current !== undefined) yield current;
      current = { key, least: undefined, most: undefined, row: undefined };
    }
    if (source === 'new') {
      current.row = image;
      continue;
    }
    current.most = applied(current.most, image);
    if (source !== 'late') current.least = applied(current.least, image);
  }
  if (current !== undefined) yield current;
}

/** Lists what has drifted, and tells the journal of it. */
function driftSink(ports: DriftPorts, time: string) {
  const { reports, nowMs } = ports;
  const file = objectKey(`${REPORT_PREFIX.diff}${time}-drift.csv`);
  let upload: ReturnType<typeof createCsvUpload> | undefined;
  let batch: Drifted[] = [];
  let written = 0;

  async function repair(): Promise<void> {
    if (batch.length === 0) return;
    const lines = await inParallel(batch, REPAIRS_AT_ONCE, (one) => repairOf(ports, one));
    const id = `drift-${String(++written).padStart(4, '0')}`;
    const body = Buffer.from(journalText(lines));
    const name = journalKey(new Date(nowMs()).toISOString(), id);
    await reports.put(name, body, { metadata: {}, contentType: 'application/x-ndjson' });
    batch = [];
  }

  return {
    async add(one: Drifted): Promise<void> {
      if (upload === undefined) {
        upload = createCsvUpload(reports, [file]);
        await upload.row(COLUMNS);
      }
      await upload.row(driftRow(one));
      batch.push(one);
      if (batch.length >= REPAIRS_AN_OBJECT) await repair();
    },
    async finish(): Promise<ObjectKey | undefined> {
      await repair();
      if (upload === undefined) return undefined;
      await upload.finish();
      return file;
    },
    abort: async () => upload?.abort(),
  };
}

async function repairOf(
  { ledger, nowMs }: DriftPorts,
  { key, reason, expected }: Drifted,
): Promise<LedgerChange> {
  const entry = await ledger.get(key);
  // Of a lost row the revisions begin again, so that whatever is written next is newer.
  const lost = { revision: 0, etag: '', versionId: '', sizeBytes: 0, permissions: '' };
  return {
    key,
    atMs: nowMs(),
    reason: `drift: ${reason}`,
    ...(expected === undefined ? {} : { before: expected }),
    after: entry === undefined ? { ...lost, state: 'deleted', eventTimeMs: nowMs() } : imageOf(entry),
  };
}

function driftRow({ key, reason, expected, found }: Drifted): string[] {
  const side = (image: LedgerImage | undefined) =>
    image === undefined
      ? ['', '', '', '']
      : [image.state, String(image.sizeBytes), image.etag, String(image.revision)];
  return safeCells([
    key,
    reason,
    ...side(expected),
    ...side(found),
    expected?.permissions ?? '',
    found?.permissions ?? '',
  ]);
}
