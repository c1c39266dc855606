/** E6 on the host: a real MinIO tells the agent of its changes with its webhook. */
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished, vi } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import { claimPort } from '../../infra/local/port.ts';
import { agentUnderTest } from '../edge-agent/agent-process.ts';
import { minioProgram } from '../setup/minio-build.ts';
import { startMinio } from '../setup/minio-server.ts';
import { importing } from '../systems/imported-config.ts';
import { tellWebhook } from './webhook-target.ts';

vi.setConfig({ testTimeout: 120_000 });

const KEYS = { accessKeyId: 'sluice', secretAccessKey: 'sluice-secret' };

it('E6 mirrors within seconds what the webhook of MinIO tells, whatever the keys', async () => {
  // MinIO wants the address before the agent is there to take it.
  const port = await claimPort(0);
  const program = await minioProgram(join(import.meta.dirname, '../../.sluice'), () => {});
  const { base } = await agentUnderTest();
  const minio = await startMinio(program, base, KEYS, {
    MINIO_NOTIFY_WEBHOOK_ENABLE_SLUICE: 'on',
    MINIO_NOTIFY_WEBHOOK_ENDPOINT_SLUICE: `http://127.0.0.1:${port}/`,
    MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_SLUICE: 'hook-token',
    MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_SLUICE: join(base, 'events'),
  });
  onTestFinished(minio.stop);
  const [source, target] = ['relics', 'relics-backup'].map((bucket) => {
    const store = createS3Store({
      bucket,
      region: 'us-east-1',
      endpoint: minio.endpoint,
      addressing: 'path',
      credentials: fixedCredentials(KEYS),
    });
    onTestFinished(() => store.close());
    return store;
  });
  await source?.createBucket();
  const environment = {
    MINIO_ENDPOINT: minio.endpoint,
    MINIO_ACCESS_KEY: KEYS.accessKeyId,
    MINIO_SECRET_KEY: KEYS.secretAccessKey,
    S3_SYNC_ENABLED: 'true',
    S3_SYNC_ENDPOINT: minio.endpoint,
    S3_SYNC_ACCESS_KEY: KEYS.accessKeyId,
    S3_SYNC_SECRET_KEY: KEYS.secretAccessKey,
    S3_SYNC_BUCKET: 'relics-backup',
  };
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const hook = `    notifications: { webhook: '127.0.0.1:${port}', tokenVariable: HOOK_TOKEN }\n`;
  const { start } = await agentUnderTest({
    environment: { ...environment, HOOK_TOKEN: 'hook-token' },
    config: importing(
      'relic',
      () => lines.join('\n'),
      (yaml) => yaml.replace(/ {4}retry:/, `${hook}$&`),
    ),
  });
  const agent = start('run');
  await agent.says('comparison ended');
  await listenWith(minio.endpoint);

  const keys = ['plain', 'a b+c/ü%.txt', 'x=1&y=#?', '☃/🎉'].map(objectKey);
  for (const key of keys) await source?.put(key, Buffer.from(key), { metadata: {} });
  for (const key of keys) await agent.says(`mirrored ${key}`);
  await source?.delete(objectKey('a b+c/ü%.txt'));
  await agent.says('deleted at the destination a b+c/ü%.txt');
  const found = (await Array.fromAsync(target?.list('') ?? [])).map(({ key }) => key);
  expect(found.toSorted()).toEqual(keys.filter((key) => !key.startsWith('a b')).toSorted());
  expect(agent.output().match(/comparison ended/g)).toHaveLength(1);
});

async function listenWith(endpoint: string): Promise<void> {
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: KEYS });
  await tellWebhook(s3, 'relics', 'SLUICE');
  s3.destroy();
}
