import { describe, expect, it, vi } from 'vitest';
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { createLookQueue } from '#adapters/look-queue-sqs.ts';
import { createQueueSender } from '#adapters/sqs-send.ts';
import { parseDeliveryMessage } from '#core/delivery-message.ts';
import { parseHubEvents } from '#core/hub-event.ts';
import { objectKey } from '#core/key.ts';
import { type EmulatedQueue, emulatedQueue } from '../doubles/emulated-queue.ts';
import { httpService } from '../doubles/http-service.ts';

async function bodies(queue: EmulatedQueue): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const messages = await queue.receive();
    if (messages.length === 0) return all;
    all.push(...messages.map(({ Body = '' }) => Body));
  }
}

describe('the queue of looks', () => {
  it('takes any number of keys, also such that a message must not hold as they are', async () => {
    const queue = await emulatedQueue();
    const odd = ['\ufffe', '\uffff', '\u0000\u0001', '😀', '"\\', 'a b+c', '\u0001'.repeat(1024)];
    const keys = [...odd, ...Array.from({ length: 500 }, (_, index) => `k${index}`)];
    await createLookQueue(queue).send(keys.map((key) => ({ key: objectKey(key), reason: 'test' })));
    const looks = (await bodies(queue)).flatMap((body) => parseHubEvents(body, 'hub'));
    expect(looks.map(({ key }) => key).sort()).toEqual([...keys].sort());
  });

  it('asks for a delay in whole seconds, at most the longest that a queue knows', async () => {
    const delays: number[] = [];
    const { url } = await httpService(async (request, response) => {
      const { Entries } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
      delays.push(...Entries.map(({ DelaySeconds }: { DelaySeconds: number }) => DelaySeconds));
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ Successful: [], Failed: [] }));
    });
    await emulatedQueue();
    vi.stubEnv('AWS_ENDPOINT_URL', url);
    const { send } = createLookQueue({ queueUrl: 'http://queue/1/q' });
    const look = { key: objectKey('k'), reason: 'test' };
    for (const delayMs of [undefined, 1, 1_000, 1_001, 3_600_000]) await send([look], delayMs);
    expect(delays).toEqual([0, 1, 1, 2, 900]);
  });

  it('gives what is delayed only then', async () => {
    const queue = await emulatedQueue();
    await createLookQueue(queue).send([{ key: objectKey('k'), reason: 'test' }], 1_000);
    await expect.poll(() => bodies(queue), { timeout: 20_000 }).toHaveLength(1);
  });

  it('sends nothing for nothing', async () => {
    const queue = await emulatedQueue();
    await createLookQueue(queue).send([]);
    expect(await queue.receive()).toEqual([]);
  });
});

describe('the queue of deliveries', () => {
  it('groups requests by key, a rename by the key that goes, and drops the same one', async () => {
    const queue = await emulatedQueue({ fifo: true });
    const { send } = createDeliveryQueue(queue);
    const [a, b] = [objectKey('a'), objectKey(`b ${'é'.repeat(500)}`)];
    const requests = [
      { key: a, revision: 1 },
      { key: a, revision: 2 },
      { key: b, revision: 1, renamedFrom: a },
      { key: b, revision: 1 },
      { key: b, revision: 1, again: 'run' },
    ];
    await send(requests);
    await send(requests);
    const messages = [];
    for (let part = await queue.receive(); part.length > 0; part = await queue.receive())
      messages.push(...part);
    expect(messages.map(({ Body = '' }) => parseDeliveryMessage(Body))).toEqual(
      expect.arrayContaining(requests),
    );
    expect(messages).toHaveLength(requests.length);
    const keysOfGroups = new Map<string | undefined, Set<string>>();
    for (const { Body = '', Attributes } of messages) {
      const { key, renamedFrom } = parseDeliveryMessage(Body);
      const keys = keysOfGroups.get(Attributes?.MessageGroupId) ?? new Set();
      keysOfGroups.set(Attributes?.MessageGroupId, keys.add(renamedFrom ?? key));
    }
    expect([...keysOfGroups.values()].map((keys) => [...keys]).sort()).toEqual([[a], [b]]);
  });

  it.each([
    '',
    '{}',
    '{"sluice":"delivery","version":2,"key":"k","revision":1}',
    '{"sluice":"delivery","version":1,"key":"","revision":1}',
  ])('has no message %j', (body) => {
    expect(() => parseDeliveryMessage(body)).toThrow(
      expect.objectContaining({ code: 'BadDelivery', retryable: false }),
    );
  });
});

describe('sending to a queue', () => {
  it('names the queue that does not exist', async () => {
    const { queueUrl } = await emulatedQueue();
    await expect(createQueueSender(`${queueUrl}-none`)([{ body: '{}' }])).rejects.toMatchObject({
      name: 'SyncError',
      retryable: false,
      message: expect.stringContaining(`${queueUrl}-none`),
    });
  });

  it('sends again what the queue did not take, and only that', async () => {
    const batches: string[][] = [];
    const { url } = await httpService(async (request, response, nth) => {
      const { Entries } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
      batches.push(Entries.map(({ MessageBody }: { MessageBody: string }) => MessageBody));
      const failed = nth === 0 ? [{ Id: '1', Code: 'InternalError', SenderFault: false }] : [];
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ Successful: [], Failed: failed }));
    });
    await emulatedQueue();
    vi.stubEnv('AWS_ENDPOINT_URL', url);
    await createQueueSender('http://queue/1/q')([{ body: '"a"' }, { body: '"b"' }, { body: '"c"' }]);
    expect(batches).toEqual([['"a"', '"b"', '"c"'], ['"b"']]);
  });

  it.each([
    [true, false, 1],
    [false, true, 3],
  ])('throws what stays undone (sender fault %s: retryable %s)', async (SenderFault, retryable, tries) => {
    const service = await httpService(async (request, response) => {
      for await (const _chunk of request);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ Successful: [], Failed: [{ Id: '0', Code: 'Refused', SenderFault }] }));
    });
    await emulatedQueue();
    vi.stubEnv('AWS_ENDPOINT_URL', service.url);
    await expect(createQueueSender('http://queue/1/q')([{ body: '"a"' }])).rejects.toMatchObject({
      retryable,
    });
    expect(service.requests).toHaveLength(tries);
  });

  it('keeps a batch within what a queue takes at once', async () => {
    const queue = await emulatedQueue();
    const large = JSON.stringify('x'.repeat(100_000));
    await createQueueSender(queue.queueUrl)(Array.from({ length: 7 }, () => ({ body: large })));
    expect(await bodies(queue)).toHaveLength(7);
  });
});
