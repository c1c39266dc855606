/**
 * Reads the change journal from where the last run ended.
 *
 * Which lines are new is told by the store's clock alone: an object belongs to the stretch that its LastModified is in,
 * so that each is read once, however late it came and whatever clock gave it its name. The name only says where the
 * listing begins. A stretch ends two minutes ago: what was written then is in every listing now.
 */
import { inParallel } from '#adapters/in-parallel.ts';
import { SyncError } from '#core/errors.ts';
import { type LedgerChange, parseJournal } from '#core/journal.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore, ObjectSummary } from '#core/ports.ts';

/** Longer than a PUT may take with its retries. */
export const SETTLED_AFTER_MS = 120_000;
/** A name is given before the object is written, by a clock that may be off: twice what a function may run. */
const NAMED_BEFORE_MS = 30 * 60_000;
const READS_AT_ONCE = 16;

export interface Stretch {
  /** Exclusive, and `toMs` inclusive. */
  fromMs: number;
  toMs: number;
  /** Of the stretch, what comes after that object. */
  after?: ObjectKey;
}

export interface JournalObject {
  key: ObjectKey;
  sizeBytes: number;
  lines: LedgerChange[];
  /** Why it could not be read, and has no lines. */
  fault?: SyncError;
}

/** The objects of the stretch in the order of their names. */
export async function* readJournal(
  reports: Pick<ObjectStore, 'list' | 'get'>,
  { fromMs, toMs, after }: Stretch,
): AsyncGenerator<JournalObject> {
  const begin = fromMs - NAMED_BEFORE_MS;
  const start = after ?? (begin > 0 ? nameAt(begin) : undefined);
  let batch: ObjectSummary[] = [];
  const listing = reports.list(REPORT_PREFIX.journal, start === undefined ? {} : { after: start });
  for await (const summary of listing) {
    if (summary.lastModifiedMs <= fromMs || summary.lastModifiedMs > toMs) continue;
    batch.push(summary);
    if (batch.length < READS_AT_ONCE) continue;
    yield* await inParallel(batch, READS_AT_ONCE, (one) => readOne(reports, one));
    batch = [];
  }
  yield* await inParallel(batch, READS_AT_ONCE, (one) => readOne(reports, one));
}

function nameAt(ms: number): ObjectKey {
  return objectKey(`${REPORT_PREFIX.journal}${new Date(ms).toISOString()}`);
}

/** Damage is told and passed over: what it hides is found by the drift check. */
async function readOne(
  reports: Pick<ObjectStore, 'get'>,
  { key, etag, sizeBytes }: ObjectSummary,
): Promise<JournalObject> {
  const { body } = await reports.get(key, { ifMatch: etag });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  try {
    return { key, sizeBytes, lines: parseJournal(Buffer.concat(chunks).toString(), key) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { key, sizeBytes, lines: [], fault: error };
  }
}
