/** The reconcile handler and the mirror handler on the emulator, with real queues between them. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSHandler } from 'aws-lambda';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { createDynamoControls } from '#adapters/controls-dynamo.ts';
import { CONTROL, heldDeletes, readControl, reconcileState } from '#core/controls.ts';
import { objectKey } from '#core/key.ts';
import { ENV } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import { emulatedTable } from '../doubles/dynamo-table.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

const id = randomUUID();
const names = { hub: `hub-${id}`, reports: `reports-${id}`, mirror: `mirror-${id}` };
const keys = Array.from({ length: 30 }, (_, index) => objectKey(`dir/ü ${String(index).padStart(2, '0')}+`));
const plain = { metadata: {} };
const guard = { share: 0.5, count: 1000, shareFrom: 10, window: '1h' };
const destination = { name: 'one', bucket: names.mirror, prefix: 'in/', createBucket: true, guard };

let sqs: SQSClient;
let queues: { own: string; mirror: string };
let table: string;
const context = {
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 900_000,
} as Partial<Context> as Context;

async function makeQueue(name: string): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}-${id}` }));
  return QueueUrl;
}

beforeAll(async () => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  ({ table } = await emulatedTable());
  const s3 = new S3Client({ forcePathStyle: true });
  for (const Bucket of [names.hub, names.reports]) await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  sqs = new SQSClient();
  queues = { own: await makeQueue('reconcile'), mirror: await makeQueue('mirror') };
  vi.stubEnv(ENV.hubBucket, names.hub);
  vi.stubEnv(ENV.reportsBucket, names.reports);
  vi.stubEnv(ENV.destinationPlaces, '{}');
  vi.stubEnv(ENV.ledgerTable, table);
  vi.stubEnv(ENV.destination, JSON.stringify(destination));
  vi.stubEnv(ENV.mirrorQueue, queues.mirror);
});

afterAll(() => {
  sqs.destroy();
  vi.unstubAllEnvs();
});

/** The handler as a container of its own has it: its environment is read once. */
async function start(name: 'reconcile' | 'mirror', own: string): Promise<SQSHandler> {
  vi.resetModules();
  vi.stubEnv(ENV.ownQueue, own);
  const { handler } =
    name === 'reconcile'
      ? await import('../../functions/reconcile.ts')
      : await import('../../functions/mirror.ts');
  return handler;
}

async function deliver(handler: SQSHandler, bodies: readonly string[]): Promise<void> {
  const answer = await handler(sqsEvent(bodies), context, () => undefined);
  expect(answer as SQSBatchResponse).toEqual({ batchItemFailures: [] });
}

/** Hands the queue's messages to its consumer until there are none; answers how many there were. */
async function drain(QueueUrl: string, handler: SQSHandler): Promise<number> {
  for (let count = 0; ; ) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return count;
    for (const { Body = '' } of Messages) await deliver(handler, [Body]);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    count += Messages.length;
  }
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ key }) => key);
}

it('fills a destination, goes on through its queue, holds what an emptied hub asks for, and carries it out once approved', async () => {
  const mirror = await start('mirror', queues.mirror);
  const reconcile = await start('reconcile', queues.own);
  const { liveHub } = await import('../../functions/live.ts');
  const { liveMirror } = await import('../../functions/live-mirror.ts');
  const hub = liveHub();
  const copies = liveMirror().ports.destination;
  const controls = createDynamoControls({ table });
  const state = async () => (await readControl(controls, CONTROL.reconcile('one'), reconcileState)).value;
  for (const key of keys) await hub.put(key, Buffer.from(key), plain);

  // The run begins, and ends its first part after one key.
  let asked = 0;
  const { getRemainingTimeInMillis } = context;
  context.getRemainingTimeInMillis = () => (++asked > 2 ? 0 : 900_000);
  await deliver(reconcile, ['{}']);
  context.getRemainingTimeInMillis = getRemainingTimeInMillis;
  expect((await state())?.running).toMatchObject({ segment: 1 });
  expect(await drain(queues.own, reconcile)).toBe(1);
  expect((await state())?.last).toMatchObject({ objects: 30, copies: 30, known: 0 });
  await drain(queues.mirror, mirror);
  expect(await keysOf(copies)).toEqual(keys.map((key) => `in/${key}`));

  await deliver(reconcile, ['{}']);
  expect((await state())?.last).toMatchObject({ differences: 0, records: 0, known: 30 });
  expect(await drain(queues.mirror, mirror)).toBe(0);

  for (const key of keys) await hub.delete(key);
  await deliver(reconcile, ['{}']);
  expect(await drain(queues.mirror, mirror)).toBe(0);
  const { value: held } = await readControl(controls, CONTROL.held('one'), heldDeletes);
  expect(held).toMatchObject({ count: 30 });
  await deliver(reconcile, [JSON.stringify({ approve: held?.runId })]);
  await drain(queues.mirror, mirror);
  expect(await keysOf(copies)).toEqual([]);
  controls.close();
});

it('a copy that has no time for all of its parts goes on through the queue of its mirror', async () => {
  const SecretId = `secret-${id}`;
  const secrets = new SecretsManagerClient();
  const SecretString = JSON.stringify({ accessKeyId: 'test', secretAccessKey: 'test' });
  await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString }));
  secrets.destroy();
  const streamed = { ...destination, endpoint: inject('endpoint'), credentials: SecretId, type: 'minio' };
  vi.stubEnv(ENV.destination, JSON.stringify(streamed));
  const mirror = await start('mirror', queues.mirror);
  const { liveHub } = await import('../../functions/live.ts');
  const { liveMirror } = await import('../../functions/live-mirror.ts');
  const copies = liveMirror().ports.destination;
  const [key, target] = [objectKey('large ü+'), objectKey('in/large ü+')];
  const body = Buffer.alloc(5 * 16 * 1024 * 1024 + 1, 'sluice');
  await liveHub().put(key, body, plain);

  // Asked at the start, for each of the six parts, and again before each is read.
  let asked = 0;
  const { getRemainingTimeInMillis } = context;
  context.getRemainingTimeInMillis = () => (++asked > 10 ? 0 : 900_000);
  await deliver(mirror, [s3Body({ key: 'large+%C3%BC%2B', bucket: names.hub })]);
  context.getRemainingTimeInMillis = getRemainingTimeInMillis;
  const [open] = await Array.fromAsync(copies.listUploads('in/'));
  if (open === undefined) throw new Error('the copy left no upload');
  const done = await Array.fromAsync(copies.listParts(target, open.uploadId));
  expect(done.length).toBeGreaterThan(0);
  expect(done.length).toBeLessThan(6);
  expect(await copies.head(target)).toBeUndefined();

  expect(await drain(queues.mirror, mirror)).toBe(1);
  expect((await contentOf(copies, target)) === String(body)).toBe(true);
  expect(await Array.fromAsync(copies.listUploads('in/'))).toEqual([]);
});

it('gives a message back that it cannot read, and names a hub that is gone', async () => {
  vi.stubEnv(ENV.hubBucket, `missing-${id}`);
  const handler = await start('reconcile', queues.own);
  for (const body of ['{"unknown":1}', '{}']) {
    const answer = await handler(sqsEvent([body]), context, () => undefined);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-0' }] });
  }
  const controls = createDynamoControls({ table });
  const { value } = await readControl(controls, CONTROL.reconcile('one'), reconcileState);
  expect(value?.last?.error).toContain(`missing-${id}`);
  controls.close();
});
