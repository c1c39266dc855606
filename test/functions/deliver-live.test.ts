/** From an event to the file manager as Lambda runs it, on the emulator: real queue, table, buckets, secret, sockets. */
import { createHash, randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Message } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { parseJournal } from '#core/journal.ts';
import { objectKey } from '#core/key.ts';
import { ENV } from '#core/names.ts';
import { startFileManager } from '../../infra/local/file-manager.ts';
import { contentOf } from '../contracts/object-store.ts';
import { emulatedTable } from '../doubles/dynamo-table.ts';
import { type EmulatedQueue, emulatedQueue } from '../doubles/emulated-queue.ts';
import { s3Body, sqsEvent } from '../doubles/s3-event.ts';

const context = {
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 900_000,
} as Partial<Context> as Context;
type QueueHandler = (event: SQSEvent, context: Context, callback: () => void) => unknown;

const call = async (handler: QueueHandler, event: SQSEvent) =>
  (await handler(event, context, () => undefined)) as SQSBatchResponse;

function asEvent(messages: readonly Message[], { arn }: EmulatedQueue): SQSEvent {
  const event = sqsEvent(messages.map(({ Body = '' }) => Body));
  for (const [index, record] of event.Records.entries()) {
    record.eventSourceARN = arn;
    record.attributes.MessageGroupId = messages[index]?.Attributes?.MessageGroupId ?? '';
  }
  return event;
}

it('an object of 64 MiB, its rename and its delete reach the file manager, signed, and the journal', async () => {
  const queue = await emulatedQueue({ fifo: true });
  const id = randomUUID();
  const names = { hub: `hub-${id}`, reports: `reports-${id}`, secret: `secret-${id}` };
  const s3 = new S3Client({ forcePathStyle: true });
  for (const Bucket of [names.hub, names.reports]) await s3.send(new CreateBucketCommand({ Bucket }));
  const VersioningConfiguration = { Status: 'Enabled' as const };
  await s3.send(new PutBucketVersioningCommand({ Bucket: names.hub, VersioningConfiguration }));
  s3.destroy();
  const secrets = new SecretsManagerClient();
  const SecretString = JSON.stringify({ signingKey: 'the key' });
  await secrets.send(new CreateSecretCommand({ Name: names.secret, SecretString }));
  secrets.destroy();
  const fileManager = await startFileManager({ signingKey: 'the key' });
  onTestFinished(() => fileManager.stop());
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  vi.stubEnv(ENV.hubBucket, names.hub);
  vi.stubEnv(ENV.reportsBucket, names.reports);
  vi.stubEnv(ENV.destinationPlaces, '{}');
  vi.stubEnv(ENV.ledgerTable, (await emulatedTable()).table);
  vi.stubEnv(ENV.deliveryQueue, queue.queueUrl);
  vi.stubEnv(
    ENV.fileManager,
    JSON.stringify({ url: fileManager.url, secret: names.secret, allowPrivate: true, timeout: '30s' }),
  );
  const { handler: replay } = await import('../../functions/event-replay.ts');
  const { handler: deliver } = await import('../../functions/deliver.ts');
  const { liveHub, liveReports } = await import('../../functions/live.ts');
  const [hub, reports] = [liveHub(), liveReports()];

  const tell = async (...records: Parameters<typeof s3Body>[0][]) => {
    const bodies = records.map((one) => s3Body({ ...one, bucket: names.hub, sequencer: undefined }));
    expect(await call(replay, sqsEvent(bodies))).toEqual({ batchItemFailures: [] });
    for (let messages = await queue.receive(); messages.length > 0; messages = await queue.receive()) {
      expect(await call(deliver, asEvent(messages, queue))).toEqual({ batchItemFailures: [] });
    }
  };

  const [from, to] = [objectKey('in/a b+é.bin'), objectKey('out/a.bin')];
  const content = Buffer.alloc(64 * 1024 * 1024, 'sluice');
  const attributes = { metadata: { mode: '100600' }, contentType: 'application/x-test' };
  await hub.put(from, content, attributes);
  await tell({ key: encodeURIComponent(from) });
  const sha256 = createHash('sha256').update(content).digest('hex');
  expect(fileManager.files().get(from)).toMatchObject({ sha256, permissions: { mode: '0600' } });

  await hub.put(to, content, attributes);
  await hub.delete(from);
  await tell({ key: to }, { key: encodeURIComponent(from), name: 'ObjectRemoved:DeleteMarkerCreated' });
  expect([...fileManager.files().keys()]).toEqual([to]);

  await hub.delete(to);
  await tell({ key: to, name: 'ObjectRemoved:DeleteMarkerCreated' });
  expect(fileManager.files().size).toBe(0);
  expect(fileManager.calls().map(({ op, key, status }) => `${op} ${key} ${status}`)).toEqual([
    `updatePermissions ${from} 200`,
    `saveToDisk ${from} 200`,
    `rename ${to} 200`,
    `delete ${to} 200`,
  ]);

  const states: string[] = [];
  for await (const { key } of reports.list('journal/')) {
    const lines = parseJournal(await contentOf(reports, key), key);
    states.push(...lines.map((line) => `${line.key} ${line.after.state}`));
  }
  expect(states.sort()).toEqual([`${from} deleted`, `${from} present`, `${to} deleted`, `${to} present`]);
});
