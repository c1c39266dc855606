/** A real MinIO sends its webhook to the handler of the ingest URL. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { expect, it, onTestFinished } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { parseHubEvents } from '#core/hub-event.ts';
import { createBearerCheck } from '../../functions/bearer-token.ts';
import { ingest } from '../../functions/ingest.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { minioProgram } from '../setup/minio-build.ts';
import { startMinio } from '../setup/minio-server.ts';
import { tellWebhook } from './webhook-target.ts';

const CREDENTIALS = { accessKeyId: 'sluice', secretAccessKey: 'sluice-secret' };
const TOKEN = 'Zm9vYmFy-token';
const SOON = { timeout: 30_000, interval: 50 };

it('takes what MinIO tells of new and removed objects, whatever their keys', async () => {
  const { s3, events } = await minioWithWebhook();
  const keys = ['plain.txt', 'a b+c/ü%.txt', 'x=1&y=#?.txt', '☃/🎉', `long/${'n'.repeat(200)}`];
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'hub', Key, Body: Key }));
  await expect
    .poll(
      () =>
        events()
          .map(({ key }) => key)
          .toSorted(),
      SOON,
    )
    .toEqual(keys.toSorted());
  expect(new Set(events().map(({ kind }) => kind))).toEqual(new Set(['created']));
  // Its sequencer is a clock and orders nothing.
  expect(new Set(events().map(({ sequencer }) => sequencer))).toEqual(new Set(['']));

  await s3.send(new DeleteObjectCommand({ Bucket: 'hub', Key: 'a b+c/ü%.txt' }));
  await expect.poll(() => events().at(-1), SOON).toMatchObject({ kind: 'removed', key: 'a b+c/ü%.txt' });
});

it('gets from MinIO what it could not take before, when MinIO has a queue directory', async () => {
  const { s3, events, topic, answers } = await minioWithWebhook();
  topic.away = true;
  await s3.send(new PutObjectCommand({ Bucket: 'hub', Key: 'during', Body: 'x' }));
  await expect.poll(() => answers.includes(503), SOON).toBe(true);
  expect(events()).toEqual([]);
  topic.away = false;
  await expect.poll(() => events().map(({ key }) => key), SOON).toEqual(['during']);
});

it('refuses a MinIO that has another token', async () => {
  const { s3, events, answers } = await minioWithWebhook('another-token');
  await s3.send(new PutObjectCommand({ Bucket: 'hub', Key: 'k', Body: 'x' }));
  await expect.poll(() => answers.length, SOON).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([401]));
  expect(events()).toEqual([]);
});

async function minioWithWebhook(token = TOKEN) {
  const { log } = createMemoryLog();
  const published: string[] = [];
  const answers: number[] = [];
  const topic = {
    away: false,
    async publish(messages: readonly string[]) {
      if (topic.away) throw new SyncError('away', { op: 'PublishBatch', retryable: true });
      published.push(...messages);
    },
  };
  const authorized = createBearerCheck({ readToken: async () => TOKEN, nowMs: Date.now });
  const metrics = { add: () => {}, flush: () => {} };
  const server = createServer(async (incoming, response) => {
    const event = await urlEvent(incoming);
    const { statusCode, headers, body } = await ingest(event, {
      authorized,
      topic,
      bucket: 'hub',
      log,
      metrics,
    });
    answers.push(statusCode);
    response.writeHead(statusCode, headers).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const runDir = await mkdtemp(join(tmpdir(), 'sluice-webhook-'));
  const program = await minioProgram(join(import.meta.dirname, '../../.sluice'), () => {});
  const minio = await startMinio(program, runDir, CREDENTIALS, {
    MINIO_NOTIFY_WEBHOOK_ENABLE_SLUICE: 'on',
    MINIO_NOTIFY_WEBHOOK_ENDPOINT_SLUICE: `http://127.0.0.1:${port}/`,
    MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_SLUICE: token,
    MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_SLUICE: join(runDir, 'events'),
  });
  const s3 = new S3Client({
    endpoint: minio.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: CREDENTIALS,
  });
  onTestFinished(async () => {
    s3.destroy();
    await minio.stop();
    server.close();
    server.closeAllConnections();
    await rm(runDir, { recursive: true, force: true });
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'hub' }));
  await tellWebhook(s3, 'hub', 'SLUICE');
  return { s3, topic, answers, events: () => published.flatMap((message) => parseHubEvents(message, 'hub')) };
}

/** As a function URL hands it over. */
async function urlEvent(incoming: IncomingMessage): Promise<LambdaFunctionURLEvent> {
  return {
    version: '2.0',
    headers: incoming.headers,
    body: await text(incoming),
    isBase64Encoded: false,
    requestContext: { http: { method: incoming.method, sourceIp: '127.0.0.1' } },
  } as unknown as LambdaFunctionURLEvent;
}
