/** What runs on schedule, and the CDN's queue, as Lambda calls them on the emulator. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import {
  CloudFormationClient,
  CreateStackCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import { ENV, LEDGER_KEY } from '#core/names.ts';
import type { Ledger, ObjectStore } from '#core/ports.ts';
import type { ReportResult } from '#core/report-result.ts';
import { contentOf } from '../contracts/object-store.ts';
import { invalidationsOf, newDistribution } from '../doubles/distribution.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

const id = randomUUID().slice(0, 8);
const names = { hub: `hub-${id}`, reports: `reports-${id}`, table: `ledger-${id}`, stack: `stack-${id}` };
const context = {
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 900_000,
} as Partial<Context> as Context;
const plain = { metadata: {} };
const received: { headers: Record<string, unknown>; body: ReportResult }[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  received.push({ headers: request.headers, body: JSON.parse(body) as ReportResult });
  response.end();
});

let deployed: { hub: ObjectStore; reports: ObjectStore; ledger: Ledger };

/** The module with the environment as it is now: adapters are made once per container. */
async function start<Module>(load: () => Promise<Module>): Promise<Module> {
  vi.resetModules();
  return load();
}

/** A stack of one destination, as far as the report looks at it. */
async function makeStack(): Promise<void> {
  const client = new CloudFormationClient();
  const queue = { Type: 'AWS::SQS::Queue', Properties: {} };
  await client.send(
    new CreateStackCommand({
      StackName: names.stack,
      TemplateBody: JSON.stringify({
        Resources: { Queue: queue, Dead: queue },
        Outputs: {
          MirrorOneQueueUrl: { Value: { Ref: 'Queue' } },
          MirrorOneDlqUrl: { Value: { Ref: 'Dead' } },
        },
      }),
    }),
  );
  await waitUntilStackCreateComplete(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { StackName: names.stack },
  );
  client.destroy();
}

beforeAll(async () => {
  const url = await new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/report`);
    });
  });
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  vi.stubEnv(ENV.hubBucket, names.hub);
  vi.stubEnv(ENV.reportsBucket, names.reports);
  vi.stubEnv(ENV.ledgerTable, names.table);
  vi.stubEnv(ENV.destinationPlaces, '{"one":"here"}');
  vi.stubEnv(ENV.stack, names.stack);
  vi.stubEnv(ENV.missingHeartbeatMs, '60000');
  vi.stubEnv(ENV.agentNames, 'press-hall');
  vi.stubEnv(ENV.timezone, 'Europe/Berlin');
  const endpoint = { url, secret: `report-${id}`, allowPrivate: true };
  vi.stubEnv(ENV.report, JSON.stringify({ endpoints: [endpoint] }));
  const secrets = new SecretsManagerClient();
  await secrets.send(
    new CreateSecretCommand({ Name: endpoint.secret, SecretString: JSON.stringify({ signingKey: 'key' }) }),
  );
  secrets.destroy();
  const s3 = new S3Client({ forcePathStyle: true });
  for (const Bucket of [names.hub, names.reports]) await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const dynamo = new DynamoDBClient();
  const [partition, sort] = [LEDGER_KEY.partition, LEDGER_KEY.sort];
  await dynamo.send(
    new CreateTableCommand({
      TableName: names.table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [partition, sort].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: partition, KeyType: 'HASH' },
        { AttributeName: sort, KeyType: 'RANGE' },
      ],
    }),
  );
  dynamo.destroy();
  await makeStack();
  const live = await start(() => import('../../functions/live.ts'));
  deployed = { hub: live.liveHub(), reports: live.liveReports(), ledger: live.liveLedger() };
  const key = objectKey('old file');
  await deployed.hub.put(key, Buffer.from('hello'), { ...plain, tags: { scratch: 'yes' } });
  const replay = await start(() => import('../../functions/event-replay.ts'));
  await replay.handler(
    sqsEvent([s3Body({ key: 'old+file', bucket: names.hub, sequencer: undefined })]),
    context,
    () => undefined,
  );
});

afterAll(() => {
  server.close();
  vi.unstubAllEnvs();
});

describe('the state report', () => {
  it('tells what events did to the ledger, as files, as a page and to the endpoint', async () => {
    const { handler } = await start(() => import('../../functions/state-report.ts'));
    const result = await handler({ now: true }, context);
    if ('skipped' in result) throw new Error(result.skipped);
    expect(result).toMatchObject({
      stack: names.stack,
      changes: { created: 1 },
      state: { objects: 1, bytes: 5 },
      queues: [{ name: 'MirrorOne', waiting: 0, deadLetters: 0 }],
      destinations: [{ name: 'one', copies: { untold: 1 }, queue: { name: 'MirrorOne' } }],
      agents: [{ name: 'press-hall', missing: true }],
      errors: [],
    });
    const read = (name = 'none') => contentOf(deployed.reports, objectKey(name));
    expect(await read(result.files.diffs[0])).toContain('created,old file,present,,5,');
    expect(await read(result.files.full)).toContain('old file,present,5,');
    expect(await read('state/latest.csv')).toBe(await read(result.files.full));
    expect(await read('html/latest.html')).toBe(await read(result.files.html));
    expect(await read('html/latest.html')).toContain(`Sluice ${names.stack}`);
    expect(received).toHaveLength(1);
    expect(received[0]?.body).toEqual(result);
    expect(received[0]?.headers).toMatchObject({
      'idempotency-key': result.runId,
      'sluice-signature': expect.stringMatching(/^v1=[0-9a-f]{64}$/),
    });
  });
});

describe('retention', () => {
  it('removes by age and tag, and records it', async () => {
    const rule = { name: 'all', prefix: 'old', olderThan: '0s', requires: 'nothing' };
    vi.stubEnv(ENV.retention, JSON.stringify([{ ...rule, tags: { scratch: 'no' } }]));
    const other = await start(() => import('../../functions/retention-cleanup.ts'));
    expect(await other.handler({}, context)).toMatchObject({ removed: 0, kept: 1 });

    vi.stubEnv(ENV.retention, JSON.stringify([{ ...rule, tags: { scratch: 'yes' } }]));
    const { handler } = await start(() => import('../../functions/retention-cleanup.ts'));
    expect(await handler({ dryRun: true }, context)).toMatchObject({ removed: 0, wouldRemove: 1 });
    const answer = await handler({}, context);
    expect(answer).toMatchObject({ removed: 1, removedBytes: 5, kept: 0, complete: true });
    expect(await deployed.hub.head(objectKey('old file'))).toBeUndefined();
    expect(await contentOf(deployed.reports, objectKey(answer.record))).toContain('"outcome":"removed"');
  });
});

describe('invalidate', () => {
  it('has the paths of a batch invalidated once, also when it comes again', async () => {
    const distribution = await newDistribution();
    vi.stubEnv(ENV.distribution, distribution);
    const { handler } = await start(() => import('../../functions/invalidate.ts'));
    const event = sqsEvent(['a+b', 'c/d'].map((key) => s3Body({ key, bucket: names.hub })));
    for (let delivery = 0; delivery < 2; delivery++) {
      const answer = (await handler(event, context, () => undefined)) as SQSBatchResponse;
      expect(answer).toEqual({ batchItemFailures: [] });
    }
    expect(await invalidationsOf(distribution)).toEqual([['/a%20b', '/c/d']]);
  });
});
