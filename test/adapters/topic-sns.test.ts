import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { batches, createSnsTopic } from '#adapters/topic-sns.ts';

beforeAll(() => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: inject('endpoint'),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});

async function topicWithQueue() {
  const sns = new SNSClient();
  const sqs = new SQSClient();
  const name = `events-${randomUUID()}`;
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: name }));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: 'sqs',
      Endpoint: Attributes?.QueueArn,
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );
  const bodies: string[] = [];
  return {
    topicArn: TopicArn,
    /** All messages so far. */
    async received(): Promise<string[]> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      for (const { Body = '', ReceiptHandle } of Messages) {
        bodies.push(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      return bodies.toSorted();
    },
  };
}

it('publishes every message, byte for byte, to every subscriber', async () => {
  const { topicArn, received } = await topicWithQueue();
  const messages = Array.from({ length: 23 }, (_, index) => `{"number":"${index} ü \\u0000"}`);
  await createSnsTopic({ topicArn }).publish(messages);
  await expect.poll(received, { timeout: 20_000 }).toEqual(messages.toSorted());
});

it('publishes nothing for no messages', async () => {
  await createSnsTopic({ topicArn: 'arn:aws:sns:us-east-1:000000000000:none' }).publish([]);
});

it('fails, to be tried again, when there is no such topic', async () => {
  const topic = createSnsTopic({ topicArn: `arn:aws:sns:us-east-1:000000000000:${randomUUID()}` });
  await expect(topic.publish(['{}'])).rejects.toMatchObject({ name: 'SyncError', retryable: true });
});

it('keeps batches within ten messages and 256 KiB, in order, whatever the messages', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 262_144 }), { maxLength: 40 }), (sizes) => {
      const messages = sizes.map((size) => 'x'.repeat(size));
      const made = batches(messages);
      expect(made.flat()).toEqual(messages);
      for (const batch of made) {
        expect(batch.length).toBeLessThanOrEqual(10);
        expect(batch.reduce((sum, message) => sum + message.length, 0)).toBeLessThanOrEqual(262_144);
      }
    }),
    { numRuns: 20 },
  );
});

/** An endpoint that refuses some entries of a batch, as SNS does: with a 200. */
async function refusing(refuses: (message: string, request: number) => 'fault' | 'later' | undefined) {
  const requests: string[][] = [];
  const server = createServer(async (incoming, response) => {
    const form = new URLSearchParams(await text(incoming));
    const entry = (index: number, field: string) =>
      form.get(`PublishBatchRequestEntries.member.${index}.${field}`);
    const messages: string[] = [];
    const [taken, failed]: [string[], string[]] = [[], []];
    for (let index = 1; entry(index, 'Id') !== null; index++) {
      const message = entry(index, 'Message') ?? '';
      messages.push(message);
      const Id = `<Id>${entry(index, 'Id')}</Id>`;
      const refusal = refuses(message, requests.length);
      if (refusal === undefined) taken.push(`<member>${Id}<MessageId>m</MessageId></member>`);
      else
        failed.push(`<member>${Id}<Code>C</Code><SenderFault>${refusal === 'fault'}</SenderFault></member>`);
    }
    requests.push(messages);
    response.end(
      `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful>${taken.join('')}</Successful><Failed>${failed.join('')}</Failed></PublishBatchResult></PublishBatchResponse>`,
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = process.env.AWS_ENDPOINT_URL;
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    process.env.AWS_ENDPOINT_URL = endpoint;
    server.close();
    server.closeAllConnections();
  });
  return { requests, topic: createSnsTopic({ topicArn: 'arn:aws:sns:us-east-1:000000000000:t' }) };
}

it('publishes again what the topic could not take of a batch, and only that', async () => {
  const { requests, topic } = await refusing((message, request) =>
    request < 2 && message !== 'a' ? 'later' : undefined,
  );
  await topic.publish(['a', 'b', 'c']);
  expect(requests).toEqual([
    ['a', 'b', 'c'],
    ['b', 'c'],
    ['b', 'c'],
  ]);
});

it.each(['fault', 'later'] as const)('never takes a refused entry for published (%s)', async (kind) => {
  const { requests, topic } = await refusing((message) => (message === 'b' ? kind : undefined));
  await expect(topic.publish(['a', 'b'])).rejects.toMatchObject({ name: 'SyncError', code: 'C' });
  expect(requests.length).toBe(kind === 'fault' ? 1 : 4);
});
