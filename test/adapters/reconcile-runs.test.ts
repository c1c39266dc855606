import { describe, expect, it } from 'vitest';
import { type ReconcileAnswer, reconcile } from '#adapters/reconcile.ts';
import { CONTROL, readControl, reconcileState } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import type { DeliveryRequest } from '#core/ports.ts';
import { parseReconcile, reconcileText } from '#core/reconcile-message.ts';
import { HOUR_MS } from '../doubles/mirror-world.ts';
import { reconcileWorld } from '../doubles/reconcile-world.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';

const many = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, '0')}`);
const STRICT = { share: 0.5, count: 1000, shareFrom: 5, window: HOUR_MS };

/** Ends each segment after so many keys. */
function cut(world: ReturnType<typeof reconcileWorld>, keysAtOnce: number): void {
  let asked = 0;
  // The lease asks once before the keys do.
  world.time.remainingMs = () => (++asked % (keysAtOnce + 1) === 0 ? 0 : 900_000);
}

const state = async (world: ReturnType<typeof reconcileWorld>) =>
  (await readControl(world.controls, CONTROL.reconcile('one'), reconcileState)).value;

/** A run that found five objects to delete, and the message to go on with. */
async function halfDone() {
  const world = reconcileWorld({ guard: STRICT });
  for (const key of many) await world.destination.put(objectKey(key), Buffer.from('x'), { metadata: {} });
  cut(world, 5);
  await world.receive('{}');
  const next = world.queue.shift() ?? '';
  world.time.remainingMs = () => 900_000;
  return { world, next };
}

async function allReleased(world: ReturnType<typeof reconcileWorld>): Promise<void> {
  expect(await world.held()).toMatchObject({ count: 12, runId: 'run-0001' });
  await world.run('{"approve":"run-0001"}');
  expect(world.sent.map(({ key }) => key)).toEqual(many);
}

describe('a run that does not end in time', () => {
  it('goes on with its next message, and counts as one run', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 5);
    const answers: ReconcileAnswer['did'][] = [];
    const { did } = await world.receive('{}');
    answers.push(did);
    for (let next = world.queue.shift(); next !== undefined; next = world.queue.shift()) {
      expect((await state(world))?.running).toMatchObject({ runId: 'run-0001', segment: answers.length });
      answers.push((await world.receive(next)).did);
    }
    expect(answers).toEqual(['continued', 'continued', 'ended']);
    expect(world.sent.map(({ key }) => key)).toEqual(many);
    expect((await state(world))?.last).toMatchObject({ runId: 'run-0001', objects: 12, copies: 12 });
  });

  it('lets no other run begin, neither while it works nor while its message waits', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 5);
    const first = world.receive('{}');
    expect(await world.receive('{}')).toEqual({ did: 'nothing', reason: 'already running' });
    expect(await first).toMatchObject({ did: 'continued' });
    expect(await world.receive('{}')).toEqual({ did: 'nothing', reason: 'already running' });
    world.time.remainingMs = () => 900_000;
    expect(await world.receive(world.queue[0] ?? '')).toMatchObject({ did: 'ended' });
    expect(await world.receive('{}')).toMatchObject({ did: 'ended' });
  });

  it('has its place kept for as long as its message may wait, although its own time is over', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    let asked = 0;
    world.time.remainingMs = () => (++asked > 5 ? 0 : 100_000);
    expect(await world.receive('{}')).toMatchObject({ did: 'continued' });
    world.clock.ms += 10 * 60_000;
    world.time.remainingMs = () => 900_000;
    expect(await world.receive('{}')).toEqual({ did: 'nothing', reason: 'already running' });
    expect(await world.receive(world.queue[0] ?? '')).toMatchObject({
      did: 'ended',
      result: { objects: 12 },
    });
  });

  it('does no part again once it is further', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 3);
    await world.receive('{}');
    const second = world.queue.shift() ?? '';
    await world.receive(second);
    expect(await world.receive(second)).toEqual({ did: 'nothing', reason: 'already running' });
    cut(world, 3);
    expect(await world.receive(world.queue.shift() ?? '')).toMatchObject({ did: 'continued', segment: 3 });
    world.clock.ms += HOUR_MS;
    const reason = 'the run has ended, or this part of it was done';
    expect(await world.receive(second)).toEqual({ did: 'nothing', reason });
    world.time.remainingMs = () => 900_000;
    expect(await world.receive(world.queue.shift() ?? '')).toMatchObject({ did: 'ended' });
    expect(world.sent.map(({ key }) => key)).toEqual(many);
  });

  it('makes way when nobody went on with it', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 5);
    await world.receive('{}');
    const [lost = ''] = world.queue.splice(0);
    world.clock.ms += HOUR_MS;
    world.time.remainingMs = () => 900_000;
    expect(await world.receive('{}')).toMatchObject({ did: 'ended' });
    expect(await world.receive(lost)).toMatchObject({ did: 'nothing' });
  });

  it('does each part once although its message comes twice, at once or later', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 5);
    await world.receive('{}');
    const next = world.queue[0] ?? '';
    world.time.remainingMs = () => 900_000;
    const answers = await Promise.all([world.receive(next), world.receive(next)]);
    expect(answers.map(({ did }) => did).sort()).toEqual(['ended', 'nothing']);
    expect(await world.receive(next)).toMatchObject({ did: 'nothing' });
    expect(world.sent.map(({ key }) => key)).toEqual(many);
  });

  it('goes on although the answer to the write that took its place was lost', async () => {
    const world = reconcileWorld();
    await world.put(...many);
    cut(world, 5);
    await world.receive('{}');
    const put = world.controls.put.bind(world.controls);
    let isLost = true;
    world.controls.put = async (name, value, revision) => {
      const answer = await put(name, value, revision);
      if (!isLost || name !== CONTROL.reconcile('one')) return answer;
      isLost = false;
      // The client has sent it again.
      return put(name, value, revision);
    };
    expect(await world.receive(world.queue.shift() ?? '')).toMatchObject({ did: 'continued' });
    expect(isLost).toBe(false);
  });

  it('is done again from where it was when it fails, at once', async () => {
    const { world, next } = await halfDone();
    world.reports.before(() => {
      throw new SyncError('no', { op: 'put', retryable: true, code: 'SlowDown' });
    });
    await expect(world.receive(next)).rejects.toMatchObject({ retryable: true });
    expect((await state(world))?.last?.error).toContain('no');
    world.reports.before(() => undefined);
    expect(await world.receive(next)).toMatchObject({ did: 'ended' });
    await allReleased(world);
  });

  it('is done again from where it was when it is killed, once its time is over', async () => {
    const { world, next } = await halfDone();
    const { put } = world.controls;
    world.reports.before(() => {
      world.controls.put = () => Promise.reject(new Error('killed'));
      throw new Error('killed');
    });
    await expect(world.receive(next)).rejects.toThrow('killed');
    world.controls.put = put;
    world.reports.before(() => undefined);
    expect(await world.receive(next)).toEqual({ did: 'nothing', reason: 'already running' });
    world.clock.ms += HOUR_MS;
    expect(await world.receive(next)).toMatchObject({ did: 'ended' });
    await allReleased(world);
  });

  it('releases its deletes over as many messages as they take', async () => {
    const world = reconcileWorld({ guard: STRICT });
    const all = Array.from({ length: 1_203 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    for (const key of all) await world.destination.put(objectKey(key), Buffer.from('x'), { metadata: {} });
    const { runId } = await world.result();
    world.time.remainingMs = () => 0;
    const answers: unknown[] = [await world.receive(reconcileText({ approve: runId }))];
    for (let next = world.queue.shift(); next !== undefined; next = world.queue.shift()) {
      answers.push(await world.receive(next));
    }
    expect(answers).toEqual([
      { did: 'released', runId, sent: 500, complete: false },
      { did: 'released', runId, sent: 500, complete: false },
      { did: 'released', runId, sent: 203, complete: true },
    ]);
    expect(world.sent.map(({ key }) => key)).toEqual(all);
    expect(world.sent.every(({ approvedBy }) => approvedBy === runId)).toBe(true);
  });

  it('refuses to release from a list that is damaged or gone', async () => {
    const world = reconcileWorld({ guard: STRICT });
    for (const key of many) await world.destination.put(objectKey(key), Buffer.from('x'), { metadata: {} });
    const { runId } = await world.result();
    const list = objectKey(`reconcile/${runId}/deletes-0001.ndjson`);
    await world.reports.put(list, Buffer.from('{"key":"k00","reas'), { metadata: {} });
    const approval = reconcileText({ approve: runId });
    await expect(world.receive(approval)).rejects.toMatchObject({ code: 'BadList', retryable: false });
    await world.reports.delete(list);
    await expect(world.receive(approval)).rejects.toMatchObject({ code: 'NoSuchKey', retryable: false });
    expect(world.sent).toEqual([]);
  });
});

it('the ledger is compared with the hub, and the file manager with the ledger', async () => {
  const { hub, ledger, ports, put, sent } = reconcileWorld();
  const { destination: _none, guard: _nobody, ...alone } = ports;
  const asked: DeliveryRequest[] = [];
  const deliveries = { send: async (requests: readonly DeliveryRequest[]) => void asked.push(...requests) };
  const settings = { name: 'ledger', prefix: '', deletes: false, createBucket: false };
  await put('delivered', 'new', 'stale', 'undelivered');
  const etag = async (key: string) => (await hub.head(objectKey(key)))?.etag ?? '';
  for (const key of ['delivered', 'undelivered']) {
    const eventTimeMs = ports.nowMs();
    await ledger.put(ledgerEntry({ key, etag: await etag(key), sizeBytes: key.length, eventTimeMs }));
  }
  const record = { etag: await etag('delivered'), permissions: '', atMs: 1 };
  await ledger.recordDelivery(objectKey('delivered'), record, undefined);
  await ledger.put(ledgerEntry({ key: 'gone' }));
  await ledger.put(ledgerEntry({ key: 'stale', etag: 'old' }));
  await ledger.put(ledgerEntry({ key: 'tombstone', state: 'deleted' }));
  const answer = await reconcile({ ...alone, deliveries }, settings, parseReconcile('{}'), 'run-1');
  expect(answer).toMatchObject({ result: { objects: 4, known: 5, copies: 3, deletes: 0, deliveries: 1 } });
  expect(sent.map(({ key, reason }) => [key, reason])).toEqual([
    ['gone', 'the hub no longer has it'],
    ['new', 'the ledger does not know it'],
    ['stale', 'the ledger has another ETag'],
  ]);
  expect(asked).toEqual([{ key: 'undelivered', revision: 1, again: 'run-1' }]);
});

describe('a message', () => {
  it.each([
    '',
    '{',
    '[]',
    '{"unknown":1}',
    '{"approve":""}',
    '{"after":"k"}',
    '{"run":{"runId":"r","startedMs":1,"segment":1,"after":"k","counts":{}}}',
  ])('%j is refused, and says why', (body) => {
    expect(() => parseReconcile(body)).toThrow(
      expect.objectContaining({ code: 'BadMessage', retryable: false }),
    );
  });
});
