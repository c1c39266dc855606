/**
 * Tells the file manager that a file has another name, where that saves sending its content again.
 *
 * A rename is the only call that touches two keys, and it runs in the turn of the old one: work on the new key may be
 * under way at the same time. Three rules keep both true to the hub:
 * - Both records are made uncertain before the call, the old key's first. Whoever works on the new key meanwhile can note
 *   nothing certain: its note fails, and it forgets what it knows and asks again.
 * - The new key becomes certain only when nobody else's call can still be under way there: its record was certain, or
 *   there was none and no earlier state of the key. Else it is left uncertain, and its own turn sends everything.
 * - The old key's record is the mark that a rename is not finished: it is settled last. A retry that finds it there calls
 *   again, with the same idempotency key, if nobody has touched the new key since; else it forgets both.
 * Afterwards the new key is looked at in its own turn, for permissions and for what changed meanwhile; the old one is
 * looked at right here.
 */
import { deliveryIdentity } from '#core/delivery-message.ts';
import { isCertain, isIntent, laterThan, planRename, uncertainRecord } from '#core/delivery-plan.ts';
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { DeliveryRecord, LedgerEntry } from '#core/ledger-entry.ts';
import type { DeliveryRequest, ObjectHead } from '#core/ports.ts';
import { askAgain, type DeliverPorts, forgetAndAsk, mustAllow, watched } from './deliver-key.ts';
import { digestOf, forget } from './delivery-records.ts';

interface Side {
  key: ObjectKey;
  entry: LedgerEntry | undefined;
  head: ObjectHead | undefined;
}

/** Answers whether the file manager was told of a rename. Either way the new key is asked for, and the old one is not. */
export async function deliverRename(
  ports: DeliverPorts,
  request: DeliveryRequest & { renamedFrom: ObjectKey },
): Promise<boolean> {
  const from = await sideOf(ports, request.renamedFrom);
  const to = await sideOf(ports, request.key);
  const { etag = '', versionId = '' } = to.head ?? {};
  const mark = digestOf(['rename', from.key, to.key, etag, versionId]);
  if (isIntent(from.entry?.delivery, mark)) return resume(ports, from, to, mark);

  const plan = planRename(from, to, ports);
  if (!plan.rename) {
    ports.log.info('delivery: no rename', { key: to.key, from: from.key, reason: plan.reason });
    await askAgain(ports, to.key, deliveryIdentity(request));
    return false;
  }
  mustAllow(ports, to.key);
  const [fromBefore, toBefore] = [from.entry?.delivery, to.entry?.delivery];
  const fromMark = uncertainRecord(fromBefore, mark, ports.nowMs());
  const alone = isCertain(toBefore) || (toBefore === undefined && (to.entry?.revision ?? 0) <= 1);
  const toMark = uncertainRecord(toBefore, alone ? aloneIn(mark) : mark, ports.nowMs());
  const { ledger } = ports;
  const begun =
    (await ledger.recordDelivery(from.key, fromMark, fromBefore)) === 'written' &&
    (await ledger.recordDelivery(to.key, toMark, toBefore)) === 'written';
  if (!begun) return giveUp(ports, from, to, 'another delivery was first');
  return finish(ports, from, to, { mark, fromMark, toMark, permissions: plan.after.permissions });
}

/** The call of an earlier try was made, perhaps. Which permissions moved with the file is known no longer. */
async function resume(ports: DeliverPorts, from: Side, to: Side, mark: string): Promise<boolean> {
  const [fromMark, toMark] = [from.entry?.delivery, to.entry?.delivery];
  const own = isIntent(toMark, mark) || isIntent(toMark, aloneIn(mark));
  if (
    fromMark === undefined ||
    toMark === undefined ||
    !own ||
    from.head !== undefined ||
    to.head === undefined
  ) {
    return giveUp(ports, from, to, 'it was cut off');
  }
  mustAllow(ports, to.key);
  return finish(ports, from, to, { mark, fromMark, toMark, permissions: '' });
}

interface Begun {
  mark: string;
  fromMark: DeliveryRecord;
  toMark: DeliveryRecord;
  permissions: string;
}

async function finish(
  ports: DeliverPorts,
  from: Side,
  to: Side,
  { mark, fromMark, toMark, permissions }: Begun,
): Promise<boolean> {
  const { ledger, log, nowMs } = ports;
  if (!(await callRename(ports, from, to, digestOf([mark, fromMark.atMs])))) {
    return giveUp(ports, from, to, 'the file manager refused it');
  }
  const done = { etag: to.head?.etag ?? '', permissions, atMs: laterThan(toMark, nowMs()) };
  const alone = isIntent(toMark, aloneIn(mark));
  if (!alone || (await ledger.recordDelivery(to.key, done, toMark)) === 'conflict')
    await forget(ports, to.key);
  await askAgain(ports, to.key);
  const gone = { etag: '', permissions: '', atMs: laterThan(fromMark, nowMs()) };
  if ((await ledger.recordDelivery(from.key, gone, fromMark)) === 'conflict') await forget(ports, from.key);
  log.info('delivered', { key: to.key, calls: 'rename', from: from.key, sizeBytes: to.head?.sizeBytes });
  return true;
}

/** The mark of a new key at which nobody else's call can still be under way. */
function aloneIn(mark: string): string {
  return `${mark} alone`;
}

/** Both keys are told of on their own. */
async function giveUp(ports: DeliverPorts, from: Side, to: Side, reason: string): Promise<boolean> {
  ports.log.warn('delivery: rename given up, both keys are looked at', {
    key: to.key,
    from: from.key,
    reason,
  });
  await forgetAndAsk(ports, to.key);
  await forget(ports, from.key);
  return false;
}

/** `false`: the file manager refused it, for good; its content must be sent. */
async function callRename(
  ports: DeliverPorts,
  from: Side,
  to: Side,
  idempotencyKey: string,
): Promise<boolean> {
  try {
    await watched(ports, () => ports.fileManager.rename(from.key, to.key, idempotencyKey));
    return true;
  } catch (error) {
    if (!(error instanceof SyncError) || error.retryable) throw error;
    ports.log.warn('rename refused', { key: to.key, from: from.key, code: error.code, error });
    return false;
  }
}

async function sideOf({ ledger, hub }: DeliverPorts, key: ObjectKey): Promise<Side> {
  const entry = await ledger.get(key);
  return { key, entry, head: await hub.head(key) };
}
