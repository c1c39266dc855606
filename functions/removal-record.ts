/** The record of one retention run: NDJSON, one removal a line, written before and after each batch of deletes. */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';

export interface Removal {
  key: ObjectKey;
  etag: string;
  versionId: string;
  sizeBytes: number;
  rule: string;
  reason: string;
  /** `intended` stays only where the run ended before it could tell. */
  outcome: 'intended' | 'removed' | 'would remove' | 'kept';
}

export interface RemovalRecord {
  key: ObjectKey;
  /** The store's clock at the start of the run. */
  storeTimeMs: number;
  add(removals: readonly Removal[]): Promise<void>;
  save(): Promise<void>;
  count(outcome: Removal['outcome']): number;
  /** Of the objects with that outcome. */
  bytes(outcome: Removal['outcome']): number;
}

/**
 * Writes the empty record first: a run that cannot record removes nothing. The time that the store gives this object
 * is the clock that ages are measured by.
 */
export async function createRemovalRecord(
  reports: Pick<ObjectStore, 'put' | 'head'>,
  runId: string,
): Promise<RemovalRecord> {
  const key = objectKey(`${REPORT_PREFIX.removals}${runId}.ndjson`);
  const removals: Removal[] = [];
  const save = async () => {
    const text = removals.map((removal) => `${JSON.stringify(removal)}\n`).join('');
    await reports.put(key, Buffer.from(text), { metadata: {}, contentType: 'application/x-ndjson' });
  };
  await save();
  const head = await reports.head(key);
  if (head === undefined) {
    throw new SyncError(`the record ${key} is not there after it was written; nothing was removed`, {
      op: 'record-removals',
      key,
      retryable: true,
    });
  }
  return {
    key,
    storeTimeMs: head.lastModifiedMs,
    async add(more) {
      removals.push(...more);
      await save();
    },
    save,
    count: (outcome) => removals.filter((removal) => removal.outcome === outcome).length,
    bytes: (outcome) =>
      removals.reduce((sum, removal) => sum + (removal.outcome === outcome ? removal.sizeBytes : 0), 0),
  };
}
