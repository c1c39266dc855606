import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createHostQueue, type HostQueueOptions } from '#adapters/host-queue-sqs.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import type { SyncError } from '#core/errors.ts';
import { s3Body, s3Record } from '../doubles/s3-event.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const SOON = { timeout: 30_000, interval: 50 };

async function queueSetup(change: Partial<HostQueueOptions> = {}) {
  const client = new SQSClient({
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    credentials: CREDENTIALS,
  });
  const created = await client.send(new CreateQueueCommand({ QueueName: `host-${randomUUID()}` }));
  const url = created.QueueUrl ?? '';
  const malformed: string[] = [];
  const health: (SyncError | undefined)[] = [];
  const queue = createHostQueue({
    url,
    region: 'us-east-1',
    credentials: fixedCredentials(CREDENTIALS),
    bucket: 'hub',
    onMalformed: (error, body) => void malformed.push(`${error.message}: ${body}`),
    onHealth: (error) => void health.push(error),
    ...change,
  });
  onTestFinished(async () => {
    await queue.close();
    client.destroy();
  });
  return {
    queue,
    malformed,
    health,
    send: (body: string) => client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body })),
    /** Messages that wait or are with somebody. */
    async left() {
      const AttributeNames = [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
      ] as const;
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
    },
  };
}

it('passes the keys of new objects on to the folder of their prefix, and deletes the messages', async () => {
  const { queue, send, left, health } = await queueSetup();
  const [inputs, others]: [string[], string[]] = [[], []];
  queue.subscribe('input/', (key) => void inputs.push(key));
  queue.subscribe('other/', (key) => void others.push(key));
  await send(s3Body({ key: 'input/a+b%2Bc.txt' }));
  const records = ['input/1', 'other/2', 'nobody/3'].map((key) => s3Record({ key }));
  await send(JSON.stringify({ Records: records }));
  await expect.poll(() => [...inputs].sort(), SOON).toEqual(['input/1', 'input/a b+c.txt']);
  expect(others).toEqual(['other/2']);
  await expect.poll(left, SOON).toBe(0);
  expect(queue.working).toBe(true);
  expect(health).toEqual([undefined]);
});

it('has nothing to say of removals, other buckets and test events, and deletes their messages', async () => {
  const { queue, send, left, malformed } = await queueSetup();
  const keys: string[] = [];
  queue.subscribe('', (key) => void keys.push(key));
  await send(s3Body({ key: 'removed', name: 'ObjectRemoved:Delete' }));
  await send(s3Body({ key: 'elsewhere', bucket: 'another' }));
  await send(JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'hub' }));
  await send(s3Body({ key: 'last' }));
  await expect.poll(() => keys, SOON).toEqual(['last']);
  await expect.poll(left, SOON).toBe(0);
  expect(malformed).toEqual([]);
});

it('hands over a message that it does not understand before it deletes it, and goes on', async () => {
  const { queue, send, left, malformed } = await queueSetup();
  const keys: string[] = [];
  queue.subscribe('', (key) => void keys.push(key));
  await send('no JSON');
  await send(s3Body({ key: 'good' }));
  await expect.poll(() => keys, SOON).toEqual(['good']);
  await expect.poll(() => malformed.length, SOON).toBe(1);
  expect(malformed[0]).toMatch(/is not JSON.*no JSON/);
  await expect.poll(left, SOON).toBe(0);
});

it('says once that the queue does not answer, and stops at once nevertheless', async () => {
  const { queue, health } = await queueSetup({ url: `${inject('endpoint')}/000000000000/none` });
  await expect.poll(() => health.length, SOON).toBe(1);
  expect(health[0]?.message).toMatch(/queue .*none: /);
  expect(queue.working).toBe(false);
  await queue.close();
  expect(health).toHaveLength(1);
});

it('passes nothing on to who has gone', async () => {
  const { queue, send, left } = await queueSetup();
  const [gone, here]: [string[], string[]] = [[], []];
  queue.subscribe('', (key) => void gone.push(key))();
  queue.subscribe('', (key) => void here.push(key));
  await send(s3Body({ key: 'k' }));
  await expect.poll(() => here, SOON).toEqual(['k']);
  await expect.poll(left, SOON).toBe(0);
  expect(gone).toEqual([]);
});

it('takes a customer’s event and a request to look as what they are: hints about a key', async () => {
  const { queue, send, malformed } = await queueSetup();
  const seen: string[] = [];
  queue.subscribe('input/', (key) => void seen.push(key));
  const event = { version: 1, id: '1', type: 'create', key: 'input/told', time: '2026-01-01T00:00:00Z' };
  await send(JSON.stringify(event));
  await send(
    JSON.stringify({ sluice: 'look', version: 1, looks: [{ key: 'input/look', reason: 'a test' }] }),
  );
  await expect.poll(() => seen.toSorted(), SOON).toEqual(['input/look', 'input/told']);
  expect(malformed).toEqual([]);
});
