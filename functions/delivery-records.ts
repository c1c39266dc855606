/** The records of what the file manager has, as those who deliver change them: never without noticing each other. */
import { createHash } from 'node:crypto';
import { uncertainRecord } from '#core/delivery-plan.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { Ledger } from '#core/ports.ts';

export type RecordPorts = { ledger: Pick<Ledger, 'get' | 'recordDelivery'>; nowMs: () => number };

const MAX_CONFLICTS = 8;

/** Nothing is known of the key any more, and whoever is about to note something of it finds that out. */
export async function forget({ ledger, nowMs }: RecordPorts, key: ObjectKey): Promise<void> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const before = (await ledger.get(key))?.delivery;
    const record = uncertainRecord(before, '', nowMs());
    if ((await ledger.recordDelivery(key, record, before)) === 'written') return;
  }
  throw contended(key);
}

/** Short enough for a row and a header, and the same for the same parts. */
export function digestOf(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export function contended(key: ObjectKey): SyncError {
  return new SyncError(`delivery of ${key}: ${MAX_CONFLICTS} times another one was first`, {
    op: 'deliver',
    key,
    retryable: true,
    code: 'Conflict',
  });
}
