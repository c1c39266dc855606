/** The handlers as Lambda calls them, on the emulator: environment -> adapters -> store, table, secret and queue. */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import { SOURCE_ETAG } from '#core/mirror-plan.ts';
import { ENV, LEDGER_KEY } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

const id = randomUUID();
const names = { hub: `hub-${id}`, reports: `reports-${id}`, table: `ledger-${id}` };
const context = {
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 900_000,
} as Partial<Context> as Context;
const plain = { metadata: {} };
const MIB = 1024 * 1024;

interface Deployed {
  hub: ObjectStore;
  reports: ObjectStore;
  ledger: Ledger;
}
let deployed: Deployed;
let s3: S3Client;

/** The module with the environment as it is now: adapters are made once per container. */
async function start<Module>(load: () => Promise<Module>): Promise<Module> {
  vi.resetModules();
  return load();
}

async function makeBucket(Bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket }));
}

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  vi.stubEnv(ENV.hubBucket, names.hub);
  vi.stubEnv(ENV.reportsBucket, names.reports);
  vi.stubEnv(ENV.ledgerTable, names.table);
  vi.stubEnv(ENV.destinationPlaces, '{"one":"here","two":"there"}');
  s3 = new S3Client({ forcePathStyle: true });
  await makeBucket(names.hub);
  await makeBucket(names.reports);
  await s3.send(
    new PutBucketVersioningCommand({
      Bucket: names.hub,
      VersioningConfiguration: { Status: 'Enabled' },
    }),
  );
  const dynamo = new DynamoDBClient();
  await dynamo.send(
    new CreateTableCommand({
      TableName: names.table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Object.values([LEDGER_KEY.partition, LEDGER_KEY.sort]).map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: [
        { AttributeName: LEDGER_KEY.partition, KeyType: 'HASH' },
        { AttributeName: LEDGER_KEY.sort, KeyType: 'RANGE' },
      ],
    }),
  );
  dynamo.destroy();
  const live = await start(() => import('../../functions/live.ts'));
  deployed = { hub: live.liveHub(), reports: live.liveReports(), ledger: live.liveLedger() };
});

afterAll(() => {
  s3.destroy();
  vi.unstubAllEnvs();
});

type QueueHandler = (event: SQSEvent, context: Context, callback: () => void) => unknown;

async function deliver(handler: QueueHandler, bodies: readonly string[], of = sqsEvent(bodies)) {
  return (await handler(of, context, () => undefined)) as SQSBatchResponse;
}

describe('event-replay', () => {
  it('puts what HEAD says into the table, and a poison message back to its queue at once', async () => {
    const { handler } = await start(() => import('../../functions/event-replay.ts'));
    const sqs = new SQSClient();
    const { QueueUrl } = await sqs.send(
      new CreateQueueCommand({ QueueName: `q-${id}`, Attributes: { VisibilityTimeout: '600' } }),
    );
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    const key = objectKey('replayed file+1');
    const { etag, versionId } = await deployed.hub.put(key, Buffer.from('hello'), plain);

    const good = s3Body({ key: 'replayed+file%2B1', bucket: names.hub, sequencer: undefined });
    const event = sqsEvent([good, 'poison']);
    const poison = event.Records[1];
    if (poison === undefined) throw new Error('two messages were made');
    poison.eventSourceARN = Attributes?.QueueArn ?? '';
    poison.receiptHandle = message?.ReceiptHandle ?? '';
    const { batchItemFailures } = await deliver(handler, [], event);
    expect(batchItemFailures).toEqual([{ itemIdentifier: 'message-1' }]);
    expect(await deployed.ledger.get(key)).toMatchObject({ state: 'present', etag, versionId, sizeBytes: 5 });
    const again = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(again.Messages?.map(({ Body }) => Body)).toEqual(['poison']);
    sqs.destroy();
  });
});

describe.each([
  ['server', 'one'],
  ['stream', 'two'],
])('mirror by %s', (way, name) => {
  const bucket = `mirror-${name}-${id}`;
  let handler: QueueHandler;
  let destination: ObjectStore;

  beforeAll(async () => {
    await makeBucket(bucket);
    const secrets = new SecretsManagerClient();
    const SecretString = JSON.stringify({ accessKeyId: 'test', secretAccessKey: 'test' });
    await secrets.send(new CreateSecretCommand({ Name: `secret-${name}-${id}`, SecretString }));
    secrets.destroy();
    const settings = { name, bucket, prefix: 'in/', region: 'us-east-1', addressing: 'path', deletes: true };
    const outside = { endpoint: inject('endpoint'), credentials: `secret-${name}-${id}` };
    vi.stubEnv(ENV.ownQueue, 'http://localhost/000000000000/own');
    vi.stubEnv(ENV.destination, JSON.stringify(way === 'server' ? settings : { ...settings, ...outside }));
    ({ handler } = await start(() => import('../../functions/mirror.ts')));
    const { liveMirror } = await import('../../functions/live-mirror.ts');
    destination = liveMirror().ports.destination;
  });

  it.each([
    ['small', 5],
    ['large', 64 * MIB + 1],
  ])('copies a %s object with what it carries, and its delete', async (size, sizeBytes) => {
    const key = objectKey(`mirrored ${way} ${size} +é`);
    const target = objectKey(`in/${key}`);
    const body = Buffer.alloc(sizeBytes, 'sluice');
    const attributes = { metadata: { mtime: '1.5' }, contentType: 'text/plain' };
    const { etag } = await deployed.hub.put(key, body, attributes);
    const message = s3Body({ key: encodeURIComponent(key), bucket: names.hub });
    expect(await deliver(handler, [message, message])).toEqual({ batchItemFailures: [] });
    expect(await destination.head(target)).toMatchObject({
      sizeBytes,
      contentType: 'text/plain',
      metadata: { mtime: '1.5', [SOURCE_ETAG]: etag },
    });
    expect((await contentOf(destination, target)) === String(body)).toBe(true);
    expect((await deployed.ledger.get(key))?.mirrors[name]?.sourceEtag).toBe(etag);

    await deployed.hub.delete(key);
    await deliver(handler, [message]);
    expect(await destination.head(target)).toBeUndefined();
    expect((await deployed.ledger.get(key))?.mirrors[name]?.sourceEtag).toBe('');
  });
});
