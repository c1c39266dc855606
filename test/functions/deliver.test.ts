import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { describe, expect, it, vi } from 'vitest';
import { createBreaker } from '#core/breaker.ts';
import { deliveryMessage } from '#core/delivery-message.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { DeliveryRequest, FileManager } from '#core/ports.ts';
import { MAX_RECEIVES, type Setback } from '#core/redelivery.ts';
import { deliverBatch } from '../../functions/deliver.ts';
import { replayEvent } from '../../functions/event-replay.ts';
import { createMemoryDeliveryQueue } from '../doubles/delivery-queue-memory.ts';
import { createMemoryFileManager } from '../doubles/file-manager-memory.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { objectEvent, sqsEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const key = objectKey('k');
const HELLO_MD5 = '5d41402abc4b2a76b9719d911017c592';
const down = (retryable = true) =>
  new SyncError('no', { op: 'call', retryable, code: retryable ? 'HTTP 503' : 'HTTP 422' });

function world({ deletes = true, versioned = true } = {}) {
  let now = 1_000_000;
  const nowMs = () => ++now;
  const hub = createMemoryStore({ bucket: 'hub', nowMs, versioned });
  const ledger = createMemoryLedger();
  const memory = createMemoryFileManager();
  const { log, lines } = createMemoryLog();
  const ids: string[] = [];
  let hook: (op: string) => void | Promise<void> = () => undefined;
  /** The hook runs after the call was carried out, as when an answer is lost. */
  const then = async (op: string, id: string, call: Promise<void>) => {
    ids.push(`${op} ${id}`);
    await call;
    await hook(op);
  };
  const fileManager: FileManager = {
    updatePermissions: (call, id) => then('updatePermissions', id, memory.updatePermissions(call, id)),
    saveToDisk: (head, body, id) => then('saveToDisk', id, memory.saveToDisk(head, body, id)),
    delete: (gone, id) => then('delete', id, memory.delete(gone, id)),
    rename: (from, to, id) => then('rename', id, memory.rename(from, to, id)),
  };
  const breaker = createBreaker({ failures: 3, coolDownMs: 1_000 });
  const ports = {
    hub,
    ledger,
    fileManager,
    breaker,
    deliveries: createMemoryDeliveryQueue(),
    deletes,
    log,
    nowMs,
  };
  const counted: Record<string, number> = {};
  const released: [string, Setback][] = [];
  let remainingMs = 900_000;
  let receiveCount = 1;

  async function run(messages: readonly (DeliveryRequest | string)[], group?: string): Promise<string[]> {
    const event = sqsEvent(messages.map((one) => (typeof one === 'string' ? one : deliveryMessage(one))));
    for (const [index, record] of event.Records.entries()) {
      const one = messages[index];
      record.attributes.MessageGroupId = group ?? (typeof one === 'object' ? one.key : `group-${index}`);
      record.attributes.ApproximateReceiveCount = String(receiveCount);
    }
    const lanes = {
      log,
      remainingMs: () => remainingMs,
      release: async ({ messageId }: SQSRecord, setback: Setback) => void released.push([messageId, setback]),
    };
    const metrics = {
      add: (name: string, value: number) => {
        counted[name] = (counted[name] ?? 0) + value;
      },
      flush: () => undefined,
    };
    const answer: SQSBatchResponse = await deliverBatch(event, lanes, ports, { keysAtOnce: 10, metrics });
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  /** As the hub would: the object, its event, the row. */
  async function put(name: ObjectKey, content: string, metadata: Record<string, string> = {}): Promise<void> {
    await hub.put(name, Buffer.from(content), { metadata });
    await replayEvent(ports, objectEvent({ key: name, sequencer: '' }));
  }

  async function remove(name: ObjectKey): Promise<void> {
    await hub.delete(name);
    await replayEvent(ports, objectEvent({ key: name, kind: 'removed', sequencer: '' }));
  }
  return {
    ...ports,
    memory,
    lines,
    ids,
    counted,
    released,
    run,
    put,
    remove,
    answering: (next: typeof hook) => {
      hook = next;
    },
    endSoon: () => {
      remainingMs = 1_000;
    },
    /** From now on every message has been received so often. */
    receivedFor: (nth: number) => {
      receiveCount = nth;
    },
    later: (ms: number) => {
      now += ms;
    },
  };
}

async function* broken(failure: SyncError, ...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
  throw failure;
}

async function* ending(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    end();
  }
}

describe('delivering a key', () => {
  it('tells permissions, then content, and notes both', async () => {
    const { run, put, memory, ledger, counted, hub } = world();
    await put(key, 'hello', { mode: '100640', uid: '7', gid: '8' });
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect(memory.calls).toEqual(['updatePermissions k', 'saveToDisk k']);
    expect(memory.files.get('k')?.permissions).toBe('{"gid":8,"mode":"0640","uid":7}');
    const etag = (await hub.head(key))?.etag;
    expect((await ledger.get(key))?.delivery).toMatchObject({
      etag,
      permissions: '{"gid":8,"mode":"0640","uid":7}',
    });
    expect(counted).toEqual({ Deliveries: 1 });
  });

  it('asks for an object and its content with one request', async () => {
    const { run, put, hub, memory } = world();
    await put(key, 'hello');
    const asked: string[] = [];
    hub.before((op) => void asked.push(op));
    await run([{ key, revision: 1 }]);
    expect(asked).toEqual(['get']);
    expect(memory.files.get('k')?.md5).toBe(HELLO_MD5);
    await run([{ key, revision: 1, again: 'once more' }]);
    expect(asked).toEqual(['get', 'head']);
  });

  it('reads the content anew when the answer broke before it was needed', async () => {
    const { run, put, hub, memory } = world();
    await put(key, 'hello');
    const { get } = hub;
    let answers = 0;
    hub.get = async (...args) => {
      const answer = await get(...args);
      if (++answers > 1) return answer;
      return { ...answer, body: broken(new SyncError('idle', { op: 'GetObject', retryable: true })) };
    };
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect(answers).toBe(2);
    expect(memory.files.get('k')?.md5).toBe(HELLO_MD5);
  });

  it('sends no second half after an answer that broke in the middle', async () => {
    const { run, put, hub, memory, breaker } = world();
    await put(key, 'hello');
    const { get } = hub;
    let answers = 0;
    hub.get = async (...args) => {
      const answer = await get(...args);
      if (++answers > 1) return answer;
      const failure = new SyncError('reset', { op: 'GetObject', retryable: true });
      return { ...answer, body: broken(failure, Buffer.from('he'), Buffer.from('l')) };
    };
    expect(await run([{ key, revision: 1 }])).toHaveLength(1);
    expect(answers).toBe(1);
    expect(memory.files.get('k')?.md5).toBeUndefined();
    expect(breaker.allows(0)).toBe(true);
  });

  it('ends the answer of an object whose content is not sent after all', async () => {
    const { run, put, hub, breaker, nowMs } = world();
    await put(key, 'hello');
    let ended = false;
    const { get } = hub;
    hub.get = async (...args) => {
      const answer = await get(...args);
      // As by the keys beside it.
      for (let failures = 0; failures < 3; failures++) breaker.failed(nowMs());
      return {
        ...answer,
        body: ending(answer.body, () => {
          ended = true;
        }),
      };
    };
    expect(await run([{ key, revision: 1 }])).toHaveLength(1);
    expect(ended).toBe(true);
  });

  it('tells nothing twice', async () => {
    const { run, put, memory, counted } = world();
    await put(key, 'hello');
    for (const again of ['1', '2', '3']) await run([{ key, revision: 1, again }]);
    expect(memory.calls).toHaveLength(2);
    expect(counted).toEqual({ Deliveries: 1 });
  });

  it('tells of a delete once the hub has lost the object, and not while it has it', async () => {
    const { run, put, remove, memory, ledger } = world();
    await put(key, 'hello');
    await run([{ key, revision: 1 }]);
    await replayEvent({ ...world(), ledger }, objectEvent({ kind: 'removed', sequencer: '' }));
    await run([{ key, revision: 2 }]);
    expect(memory.files.size).toBe(1);
    await remove(key);
    await run([{ key, revision: 3 }]);
    expect(memory.files.size).toBe(0);
  });

  it('tells of no delete where it is set so', async () => {
    const { run, put, remove, memory } = world({ deletes: false });
    await put(key, 'hello');
    await run([{ key, revision: 1 }]);
    await remove(key);
    await run([{ key, revision: 2 }]);
    expect(memory.files.size).toBe(1);
    expect(memory.calls).not.toContain('delete k');
  });

  it('has the same idempotency keys when it is tried again, and others for the same content later', async () => {
    const { run, put, answering, ids, memory } = world();
    await put(key, 'one');
    answering(() => {
      throw down();
    });
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(new Set(ids).size).toBe(1);
    answering(() => undefined);
    await run([{ key, revision: 1 }]);
    expect(memory.calls).toEqual([...Array(3).fill('updatePermissions k'), 'saveToDisk k']);
    for (const content of ['two', 'one']) {
      await put(key, content);
      await run([{ key, revision: 2 }]);
    }
    const saves = ids.filter((id) => id.startsWith('saveToDisk'));
    expect(new Set(saves).size).toBe(3);
  });

  it('has them also when content is replaced, and its answer is lost', async () => {
    const { run, put, answering, ids } = world();
    await put(key, 'one');
    await run([{ key, revision: 1 }]);
    await put(key, 'two');
    answering((op) => {
      if (op === 'saveToDisk') throw down();
    });
    for (let index = 0; index < 3; index++) await run([{ key, revision: 2 }]);
    const saves = ids.filter((id) => id.startsWith('saveToDisk'));
    expect([saves.length, new Set(saves).size]).toEqual([4, 2]);
  });

  it('does not take for delivered what it was when a later call was cut off', async () => {
    const { run, put, answering, memory } = world();
    await put(key, 'one');
    await run([{ key, revision: 1 }]);
    await put(key, 'two');
    answering(() => {
      throw down();
    });
    await run([{ key, revision: 2 }]);
    answering(() => undefined);
    await put(key, 'one');
    await run([{ key, revision: 3 }]);
    expect(memory.files.get('k')?.md5).toBe('f97c5d29941bfb1b2fdab0874906ab82');
  });

  it('sends what the object is now when it changes while it is read', async () => {
    const { run, put, hub, memory } = world();
    await put(key, 'one');
    let changed = false;
    hub.before(async (op) => {
      if (op !== 'get' || changed) return;
      changed = true;
      await hub.put(key, Buffer.from('two'), { metadata: {} });
    });
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect(memory.files.get('k')?.md5).toBe('b8a9f715dbb64fd5c56e7783c6820a61');
  });

  it('tells permissions anew when the object has become again what it was, within a second', async () => {
    const { run, remove, hub, memory } = world({ versioned: false });
    await remove(key);
    await hub.put(key, Buffer.from('one'), { metadata: { mode: '0600' } });
    const next = [
      { body: 'two', mode: '0644' },
      { body: 'one', mode: '0600' },
    ];
    hub.before(async (op) => {
      if (op !== 'get') return;
      const { body, mode } = next.shift() ?? {};
      if (body !== undefined && mode !== undefined)
        await hub.put(key, Buffer.from(body), { metadata: { mode } });
    });
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect(memory.files.get('k')?.permissions).toBe('{"mode":"0600"}');
  });

  it('forgets and asks again when somebody else has noted something meanwhile', async () => {
    const { run, put, answering, ledger, deliveries, memory } = world();
    await put(key, 'one');
    answering(async (op) => {
      const before = (await ledger.get(key))?.delivery;
      if (op === 'saveToDisk')
        await ledger.recordDelivery(key, { etag: 'of another', permissions: '', atMs: 1 }, before);
    });
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect((await ledger.get(key))?.delivery?.etag).toBe('?');
    expect(deliveries.sent).toMatchObject([{ key, again: expect.any(String) }]);
    answering(() => undefined);
    await run([...deliveries.sent]);
    expect(memory.calls).toHaveLength(4);
    expect((await ledger.get(key))?.delivery?.etag).toBe('f97c5d29941bfb1b2fdab0874906ab82');
  });

  it('blames nobody but the hub when the hub cannot be read', async () => {
    const { run, put, hub, memory, breaker, nowMs } = world();
    const keys = ['a', 'b', 'c', 'd', 'e'].map(objectKey);
    const requests = keys.map((one) => ({ key: one, revision: 1 }));
    for (const one of keys) await put(one, 'one');
    await run(requests);
    for (const one of keys) await put(one, 'two');
    hub.before((op) => {
      if (op === 'get') throw new SyncError('slow', { op: 'GetObject', retryable: true, code: 'SlowDown' });
    });
    const calls = memory.calls.length;
    expect(await run(requests)).toHaveLength(keys.length);
    // Their permissions are told already: no call succeeded in between.
    expect(memory.calls).toHaveLength(calls);
    expect(breaker.allows(nowMs())).toBe(true);
  });
});

describe('delivering a rename', () => {
  const [from, to] = [objectKey('old'), objectKey('new')];
  async function renamed(deletes = true) {
    const all = world({ deletes });
    await all.put(from, 'content');
    await all.run([{ key: from, revision: 1 }]);
    await all.put(to, 'content');
    await all.remove(from);
    return all;
  }

  it('sends no content, and looks at the new key in its own turn', async () => {
    const { run, memory, deliveries, ledger, counted } = await renamed();
    await run([{ key: to, revision: 1, renamedFrom: from }]);
    expect(memory.calls).toEqual(['updatePermissions old', 'saveToDisk old', 'rename old']);
    expect([...memory.files.keys()]).toEqual(['new']);
    expect((await ledger.get(from))?.delivery?.etag).toBe('');
    expect(counted.Deliveries).toBe(2);
    await run([...deliveries.sent]);
    expect(memory.calls).toHaveLength(3);
  });

  it('is finished as a rename when its answer was lost', async () => {
    const { run, memory, deliveries, answering, ids } = await renamed();
    answering(() => {
      throw down();
    });
    const request = { key: to, revision: 1, renamedFrom: from };
    expect(await run([request])).toEqual(['message-0']);
    answering(() => undefined);
    expect(await run([request])).toEqual([]);
    await run([...deliveries.sent]);
    expect(new Set(ids.filter((id) => id.startsWith('rename'))).size).toBe(1);
    expect(memory.calls.filter((call) => call.startsWith('saveToDisk'))).toEqual(['saveToDisk old']);
    expect([...memory.files.keys()]).toEqual(['new']);
  });

  it.each([
    [
      'the file manager refuses it',
      async (all: Awaited<ReturnType<typeof renamed>>) => all.answering(refuseRename),
    ],
    ['the old key is back', async (all: Awaited<ReturnType<typeof renamed>>) => all.put(from, 'again')],
    [
      'the new key has other content',
      async (all: Awaited<ReturnType<typeof renamed>>) => all.put(to, 'other'),
    ],
  ])('is told as what it is for each key when %s', async (_when, happen) => {
    const all = await renamed();
    await happen(all);
    const { run, deliveries, memory, hub } = all;
    await run([{ key: to, revision: 1, renamedFrom: from }]);
    all.answering(() => undefined);
    await run([...deliveries.sent]);
    const present = [from, to].filter((one) => hub.contents(one) !== undefined);
    expect([...memory.files.keys()].sort()).toEqual(present.sort());
    for (const one of present) expect(memory.files.get(one)?.md5).toBe((await hub.head(one))?.etag);
  });

  function refuseRename(op: string): void {
    if (op === 'rename') throw down(false);
  }

  it('keeps the old file where deletes are not told', async () => {
    const { run, deliveries, memory } = await renamed(false);
    await run([{ key: to, revision: 1, renamedFrom: from }]);
    await run([...deliveries.sent]);
    expect([...memory.files.keys()].sort()).toEqual(['new', 'old']);
  });
});

describe('a batch of deliveries', () => {
  it('hands back what comes after a failure in the same group, unperformed, and nothing else', async () => {
    const { run, put, answering, memory, released } = world();
    const other = objectKey('other');
    await put(key, 'one');
    await put(other, 'two');
    answering((op) => {
      if (op === 'saveToDisk') throw down();
    });
    const messages = [0, 1, 2].map((revision) => ({ key, revision }));
    expect(await run(messages, 'one group')).toEqual(['message-0', 'message-1', 'message-2']);
    expect(memory.calls).toEqual(['updatePermissions k', 'saveToDisk k']);
    expect(released.map(([, setback]) => setback)).toEqual(['failed', 'failed', 'failed']);
    answering(() => undefined);
    expect(await run(['poison', { key: other, revision: 1 }])).toEqual(['message-0']);
    expect(released.at(-1)).toEqual(['message-0', 'hopeless']);
    expect(memory.files.has('other')).toBe(true);
  });

  it('calls nobody while the breaker is open, and goes on after the cool-down', async () => {
    const { run, put, answering, memory, counted, later } = world();
    await put(key, 'one');
    answering(() => {
      throw down();
    });
    for (let index = 0; index < 3; index++) await run([{ key, revision: 1 }]);
    const calls = memory.calls.length;
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(memory.calls).toHaveLength(calls);
    expect(counted).toEqual({ DeliveriesFailed: 3, BreakerOpen: 2 });
    answering(() => undefined);
    later(1_000);
    expect(await run([{ key, revision: 1 }])).toEqual([]);
    expect(counted.Deliveries).toBe(1);
  });

  it('asks nothing of hub and ledger while the breaker is open', async () => {
    const { run, put, breaker, nowMs, hub } = world();
    await put(key, 'one');
    for (let index = 0; index < 3; index++) breaker.failed(nowMs());
    const asked = vi.spyOn(hub, 'get');
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(asked).not.toHaveBeenCalled();
  });

  it('calls what fails an outage while nobody is told anything, and what fails alone a failure', async () => {
    const { run, put, answering, released } = world();
    await put(key, 'one');
    answering(() => {
      throw down();
    });
    for (let index = 0; index < 4; index++) await run([{ key, revision: 1 }, 'poison']);
    expect(released.filter(([id]) => id === 'message-0').map(([, setback]) => setback)).toEqual([
      'failed',
      'failed',
      'outage',
      'outage',
    ]);
    expect(new Set(released.filter(([id]) => id === 'message-1').map(([, why]) => why))).toEqual(
      new Set(['hopeless']),
    );
  });

  it('gives up nothing in an outage: before the last delivery a new message takes its place', async () => {
    const { run, put, deliveries, breaker, nowMs, receivedFor, released, memory, later } = world();
    await put(key, 'one');
    for (let index = 0; index < 3; index++) breaker.failed(nowMs());
    const messages = [1, 2].map((revision) => ({ key, revision }));
    receivedFor(MAX_RECEIVES - 3);
    expect(await run(messages, 'one group')).toEqual(['message-0', 'message-1']);
    expect(deliveries.waiting).toBe(0);
    receivedFor(MAX_RECEIVES - 2);
    expect(await run(messages, 'one group')).toEqual([]);
    expect(deliveries.sent).toEqual([
      { key, revision: 1, again: 'outage message-0' },
      { key, revision: 2, again: 'outage message-1' },
    ]);
    expect(released.map(([, setback]) => setback)).toEqual(['outage', 'outage']);
    later(1_000);
    expect(await run([...deliveries.sent])).toEqual([]);
    expect(memory.files.has('k')).toBe(true);
  });

  it('sends nothing anew that fails while others are told', async () => {
    const { run, put, answering, deliveries, receivedFor } = world();
    await put(key, 'one');
    answering(() => {
      throw down();
    });
    receivedFor(MAX_RECEIVES);
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(deliveries.sent).toEqual([]);
  });

  it('keeps the old message when the new one is not taken, and says so', async () => {
    const { run, put, deliveries, breaker, nowMs, receivedFor, lines } = world();
    await put(key, 'one');
    for (let index = 0; index < 3; index++) breaker.failed(nowMs());
    vi.spyOn(deliveries, 'send').mockRejectedValue(down());
    receivedFor(MAX_RECEIVES - 1);
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'delivery: not sent anew' }),
    );
  });

  it('sends a rename anew as a rename', async () => {
    const { run, put, remove, deliveries, breaker, nowMs, receivedFor, later, memory } = world();
    const to = objectKey('to');
    await put(key, 'one');
    await run([{ key, revision: 1 }]);
    await put(to, 'one');
    await remove(key);
    for (let index = 0; index < 3; index++) breaker.failed(nowMs());
    receivedFor(MAX_RECEIVES - 2);
    const rename = { key: to, revision: 1, renamedFrom: key };
    expect(await run([rename], 'k')).toEqual([]);
    expect(deliveries.sent).toEqual([{ ...rename, again: 'outage message-0' }]);
    later(1_000);
    await run([...deliveries.sent], 'k');
    expect([...memory.files.keys()]).toEqual(['to']);
  });

  it('does not open the breaker for refusals of single calls', async () => {
    const { run, put, answering, counted } = world();
    await put(key, 'one');
    answering(() => {
      throw down(false);
    });
    for (let index = 0; index < 5; index++) await run([{ key, revision: 1 }]);
    expect(counted).toEqual({ DeliveriesFailed: 5 });
  });

  it('begins nothing that the time does not suffice for', async () => {
    const { run, put, memory, endSoon } = world();
    await put(key, 'one');
    endSoon();
    expect(await run([{ key, revision: 1 }])).toEqual(['message-0']);
    expect(memory.calls).toEqual([]);
  });
});
