/**
 * The change journal: every write of event-replay to the ledger, as lines of JSON in the reports bucket. Its objects are
 * named by the time they were written, so that a reader goes on after the last one it has read.
 */
import { SyncError } from './errors.ts';
import { type ObjectKey, objectKey } from './key.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { REPORT_PREFIX } from './names.ts';
import * as z from './schema.ts';

const image = z.object({
  revision: z.number(),
  state: z.enum(['unknown', 'present', 'deleted']),
  etag: z.string(),
  versionId: z.string(),
  sizeBytes: z.number(),
  eventTimeMs: z.number(),
  /** Canonical JSON; empty where no event has told any. */
  permissions: z.string(),
});
const line = z.object({
  key: z.string(),
  atMs: z.number(),
  reason: z.string(),
  /** Absent: the ledger had no row of the key. */
  before: z.optional(image),
  after: image,
});

/** What a row of the ledger says of the hub; what destinations hold is not part of it. */
export type LedgerImage = z.output<typeof image>;
export type LedgerChange = Omit<z.output<typeof line>, 'key'> & { key: ObjectKey };

export function imageOf(entry: LedgerEntry): LedgerImage {
  const { revision, state, etag, versionId, sizeBytes, eventTimeMs, permissions } = entry;
  return { revision, state, etag, versionId, sizeBytes, eventTimeMs, permissions: permissions?.json ?? '' };
}

/** @param isoTime of the writing, in UTC with milliseconds; @param id of the writer, so that no two have one name */
export function journalKey(isoTime: string, id: string): ObjectKey {
  return objectKey(`${REPORT_PREFIX.journal}${isoTime}-${id}.ndjson`);
}

export function journalText(changes: readonly LedgerChange[]): string {
  return changes.map((change) => `${JSON.stringify(change)}\n`).join('');
}

/** @throws SyncError naming the object whose line is not one of the journal's. */
export function parseJournal(text: string, name: string): LedgerChange[] {
  try {
    return text
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => {
        const { key, ...change } = line.parse(JSON.parse(one));
        return { key: objectKey(key), ...change };
      });
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw new SyncError(`journal ${name} cannot be read: ${error.message}`, {
      op: 'read-journal',
      key: name,
      retryable: false,
      code: 'BadJournal',
      cause: error,
    });
  }
}
