/**
 * Brings the file manager's copy of one key to what the hub holds.
 *
 * Steps: row and object -> plan -> note that a call is begun -> calls -> note what it has now. The first note is what makes
 * a cut-off call harmless: a record that is certain is true, whatever was under way when the function ended, because it
 * is made uncertain before anything is called. A key without a record needs no such note: it is as uncertain.
 * Nobody else may note anything between the two notes: then the file manager may have been told two things at once, in
 * either order, and what it has is forgotten and asked for again.
 *
 * Idempotency keys are made of what is to be told (key, ETag, version, permissions) and of the time of the first note,
 * which a retry finds again. So a retry has the same keys, and the same content told at another time has others.
 */

import type { Breaker } from '#core/breaker.ts';
import {
  type DeliveryCall,
  isIntent,
  laterThan,
  planDelivery,
  uncertainRecord,
} from '#core/delivery-plan.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { DeliveryQueue, FileManager, Ledger, ObjectHead, ObjectStore } from '#core/ports.ts';
import { type Looked, lookAt } from './delivered-content.ts';
import { contended, digestOf, forget } from './delivery-records.ts';
import type { Log } from './log.ts';

export interface DeliverPorts {
  hub: Pick<ObjectStore, 'head' | 'get'>;
  ledger: Pick<Ledger, 'get' | 'recordDelivery'>;
  fileManager: FileManager;
  /** Of calls to the file manager. */
  breaker: Breaker;
  deliveries: DeliveryQueue;
  /** Whether the file manager is told of deletes. */
  deletes: boolean;
  log: Log;
  nowMs: () => number;
}

const MAX_TRIES = 8;
/** Code of what was not tried. */
export const BREAKER_OPEN = 'BreakerOpen';
/** The object changed while it was read: what it is now is looked at at once. */
const CHANGED = new Set(['PreconditionFailed', 'NoSuchKey', 'NotFound']);

/** Answers whether the file manager was told anything. */
export async function deliverKey(ports: DeliverPorts, key: ObjectKey): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const entry = await ports.ledger.get(key);
    const looked = await lookAt(ports.hub, key, entry);
    try {
      const done = await deliverState(ports, key, entry, looked);
      if (done !== 'again') return done === 'told';
    } finally {
      await looked.discard();
    }
  }
  throw contended(key);
}

/** `again`: row or object is no longer what it was. */
async function deliverState(
  ports: DeliverPorts,
  key: ObjectKey,
  entry: LedgerEntry | undefined,
  looked: Looked,
): Promise<'told' | 'nothing' | 'again'> {
  const { ledger, log, nowMs } = ports;
  const { head } = looked;
  const { calls, after, reason } = planDelivery(entry, head, ports);
  if (calls.length === 0) {
    log.info('delivery: nothing', { key, reason });
    return 'nothing';
  }
  mustAllow(ports, key);
  const revision = entry?.delivery === undefined ? (entry?.revision ?? 0) : -1;
  const intent = digestOf(intentOf(key, head, after.permissions, revision));
  let record = entry?.delivery;
  if (record !== undefined && !isIntent(record, intent)) {
    const begun = uncertainRecord(record, intent, nowMs());
    if ((await ledger.recordDelivery(key, begun, record)) === 'conflict') return 'again';
    record = begun;
  }
  const identity = digestOf([intent, record?.atMs ?? 0]);
  if ((await perform(ports, key, looked, calls, identity)) === 'changed') {
    // Should the object become what it was, telling that again would count as a retry of what was told of it before.
    if (record === undefined) await forget(ports, key);
    return 'again';
  }
  const done = { ...after, atMs: laterThan(record, nowMs()) };
  if ((await ledger.recordDelivery(key, done, record)) === 'conflict') {
    log.warn('delivery: another one was under way, asked for again', { key });
    await forgetAndAsk(ports, key);
    return 'told';
  }
  const told = calls.map(({ op }) => op).join(',');
  log.info('delivered', { key, calls: told, reason, sizeBytes: head?.sizeBytes });
  return 'told';
}

/** For whoever cannot tell what the file manager has: the next look, in the turn of the key, tells it everything. */
export async function forgetAndAsk(ports: DeliverPorts, key: ObjectKey): Promise<void> {
  await forget(ports, key);
  await askAgain(ports, key);
}

/** @param cause sets the request apart from others that may be in work already, and have looked too early */
export async function askAgain(
  { ledger, deliveries }: DeliverPorts,
  key: ObjectKey,
  cause = '',
): Promise<void> {
  const entry = await ledger.get(key);
  const { revision = 0, delivery } = entry ?? {};
  await deliveries.send([{ key, revision, again: `${delivery?.atMs ?? 0} ${cause}` }]);
}

/** @throws SyncError, retryable: the message is handed back */
export function mustAllow({ breaker, nowMs }: Pick<DeliverPorts, 'breaker' | 'nowMs'>, key: ObjectKey): void {
  if (!breaker.allows(nowMs())) throw breakerOpen(key);
}

export function breakerOpen(key: ObjectKey): SyncError {
  return new SyncError(
    `delivery of ${key}: the file manager has failed too often, it is left alone for a while`,
    { op: 'deliver', key, retryable: true, code: BREAKER_OPEN },
  );
}

/** Makes a call and tells the breaker how it went; `blame` says whether a failure is the file manager's. */
export async function watched(
  { breaker, nowMs }: Pick<DeliverPorts, 'breaker' | 'nowMs'>,
  call: () => Promise<void>,
  blame: () => boolean = () => true,
): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof SyncError && blame()) {
      // A refusal of this one call says that the service is up.
      if (error.retryable) breaker.failed(nowMs());
      else breaker.succeeded();
    }
    throw error;
  }
  breaker.succeeded();
}

async function perform(
  ports: DeliverPorts,
  key: ObjectKey,
  { head, contentOf }: Looked,
  calls: readonly DeliveryCall[],
  identity: string,
): Promise<'done' | 'changed'> {
  const { fileManager } = ports;
  for (const call of calls) {
    const idempotencyKey = digestOf([identity, call.op]);
    if (call.op === 'delete') await watched(ports, () => fileManager.delete(key, idempotencyKey));
    else if (call.op === 'updatePermissions') {
      const permissions: Record<string, unknown> = JSON.parse(call.permissions);
      await watched(ports, () => fileManager.updatePermissions({ key, permissions }, idempotencyKey));
    } else if (head !== undefined) {
      const body = contentOf(head);
      try {
        await watched(
          ports,
          () => fileManager.saveToDisk(head, body, idempotencyKey),
          () => body.failure === undefined,
        );
      } catch (error) {
        if (body.failure instanceof SyncError && CHANGED.has(body.failure.code ?? '')) return 'changed';
        throw error;
      }
    }
  }
  return 'done';
}

/**
 * What the file manager is to have, whatever it takes. Of a key without a record also the row's revision: there is no
 * note to tell two times apart.
 */
function intentOf(
  key: ObjectKey,
  head: ObjectHead | undefined,
  permissions: string,
  revision: number,
): (string | number)[] {
  const state = head === undefined ? [] : [head.etag, head.versionId ?? '', head.lastModifiedMs];
  return ['deliver', key, ...state, permissions, revision];
}
