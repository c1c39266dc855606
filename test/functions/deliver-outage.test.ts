/** A file manager that is down, with the function as Lambda runs it and a real FIFO queue that counts its deliveries. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createDeliveryQueue } from '#adapters/delivery-queue-sqs.ts';
import { FILE_MANAGER_BREAKER } from '#core/breaker.ts';
import { parseDeliveryMessage } from '#core/delivery-message.ts';
import { objectKey } from '#core/key.ts';
import { ENV } from '#core/names.ts';
import { MAX_RECEIVES } from '#core/redelivery.ts';
import { emulatedTable } from '../doubles/dynamo-table.ts';
import { emulatedQueue } from '../doubles/emulated-queue.ts';
import { httpService } from '../doubles/http-service.ts';
import { sqsEvent } from '../doubles/s3-event.ts';

const context = {
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 900_000,
} as Partial<Context> as Context;

it('keeps every message out of the dead letters while the file manager is down, and tells it when it is back', async () => {
  const { queueUrl, arn } = await emulatedQueue({ fifo: true });
  const hubBucket = `hub-${randomUUID()}`;
  const s3 = new S3Client({ forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: hubBucket }));
  s3.destroy();
  let status = 503;
  const told: string[] = [];
  const { url } = await httpService(async (request, response) => {
    await Array.fromAsync(request);
    if (status === 200) told.push(request.url ?? '');
    response.writeHead(status).end();
  });
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  vi.stubEnv(ENV.hubBucket, hubBucket);
  vi.stubEnv(ENV.destinationPlaces, '{}');
  vi.stubEnv(ENV.ledgerTable, (await emulatedTable()).table);
  vi.stubEnv(ENV.deliveryQueue, queueUrl);
  vi.stubEnv(ENV.fileManager, JSON.stringify({ url, allowPrivate: true, timeout: '30s' }));
  const clock = Date.now;
  let aheadMs = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => clock() + aheadMs);
  const { handler } = await import('../../functions/deliver.ts');
  const { liveHub } = await import('../../functions/live.ts');
  const sqs = new SQSClient();
  onTestFinished(() => sqs.destroy());

  const receive = async (VisibilityTimeout: number): Promise<Message[]> => {
    const asked = { QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout };
    const command = new ReceiveMessageCommand({ ...asked, MessageSystemAttributeNames: ['All'] });
    return (await sqs.send(command)).Messages ?? [];
  };
  /** As Lambda does: what the function does not name is deleted. */
  const deliver = async (messages: readonly Message[]): Promise<Message[]> => {
    const event: SQSEvent = sqsEvent(messages.map(({ Body = '' }) => Body));
    for (const [index, record] of event.Records.entries()) {
      const { Attributes, MessageId = '', ReceiptHandle = '' } = messages[index] ?? {};
      Object.assign(record, { messageId: MessageId, receiptHandle: ReceiptHandle, eventSourceARN: arn });
      Object.assign(record.attributes, Attributes);
    }
    const { batchItemFailures } = (await handler(event, context, () => undefined)) as SQSBatchResponse;
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = '', ReceiptHandle } of messages) {
      if (!failed.has(MessageId))
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    }
    return messages.filter(({ MessageId = '' }) => failed.has(MessageId));
  };

  const keys = Array.from({ length: 7 }, (_, index) => objectKey(`k${index}`));
  for (const key of keys) await liveHub().put(key, Buffer.from('one'), { metadata: {} });
  await createDeliveryQueue({ queueUrl }).send(keys.map((key) => ({ key, revision: 0 })));

  for (let nth = 1; nth < MAX_RECEIVES - 2; nth++) expect(await receive(0)).toHaveLength(keys.length);
  const worn = await receive(60);
  expect(worn.map(({ Attributes }) => Number(Attributes?.ApproximateReceiveCount))).toEqual(
    keys.map(() => MAX_RECEIVES - 2),
  );
  // The calls that open the breaker are failures of their own messages.
  const failed = await deliver(worn);
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(keys.length);

  const anew = await receive(60);
  expect(anew).toHaveLength(keys.length - failed.length);
  for (const { Body = '', Attributes } of anew) {
    expect(parseDeliveryMessage(Body).again).toMatch(/^outage /);
    expect(Attributes?.ApproximateReceiveCount).toBe('1');
  }
  expect(await deliver(anew)).toHaveLength(anew.length);
  expect(await receive(60)).toEqual([]);
  const attributes = new GetQueueAttributesCommand({
    QueueUrl: queueUrl,
    AttributeNames: ['ApproximateNumberOfMessagesNotVisible'],
  });
  expect((await sqs.send(attributes)).Attributes).toEqual({
    ApproximateNumberOfMessagesNotVisible: String(keys.length),
  });

  status = 200;
  aheadMs = FILE_MANAGER_BREAKER.coolDownMs;
  // One call finds out; what is refused beside it comes once more, or is sent anew.
  const first = await deliver([...failed, ...anew]);
  expect(await deliver([...first, ...(await receive(60))])).toEqual([]);
  expect(told.filter((path) => path.endsWith('/saveToDisk'))).toHaveLength(keys.length);
});
