import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { liveStore } from '../../edge-agent/live.ts';
import { removeOldProbes } from '../../edge-agent/old-probes.ts';
import { serveHttp } from '../adapters/s3/scripted-server.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';
import { storeCredentials } from './agent-process.ts';
import { storeSettings } from './store-settings.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_800_000_000_000;
const probe = (prefix = '') => objectKey(`${prefix}.sluice-probe-${randomUUID()}`);

/** A store whose clock is an hour and a half ahead of the host's. */
function world() {
  let writtenMs = NOW_MS;
  const memory = createMemoryStore({ nowMs: () => writtenMs });
  const store = { ...memory, clockSkewMs: () => 1.5 * HOUR_MS };
  return {
    store,
    ...createMemoryLog(),
    async put(
      key: ReturnType<typeof probe>,
      { ageMs, sizeBytes = 6 }: { ageMs: number; sizeBytes?: number },
    ) {
      writtenMs = NOW_MS + 1.5 * HOUR_MS - ageMs;
      await memory.put(key, Buffer.alloc(sizeBytes), { metadata: {} });
      return key;
    },
  };
}

it('removes what is old by the clock of the store, and says so', async () => {
  const { store, log, lines, put } = world();
  const old = await put(probe('out/'), { ageMs: HOUR_MS + 1 });
  const young = await put(probe('out/'), { ageMs: HOUR_MS - 1 });
  await removeOldProbes(store, ['out/'], log, () => NOW_MS);
  expect(await store.head(old)).toBeUndefined();
  expect(await store.head(young)).toBeDefined();
  expect(lines).toEqual([{ level: 'info', message: 'removed a probe that an earlier run left', key: old }]);
});

it('removes nothing that is not a probe by its name and its size, or is not its agent’s', async () => {
  const { store, log, put } = world();
  const kept = [
    await put(objectKey('out/.sluice-probe-notes.txt'), { ageMs: 24 * HOUR_MS }),
    await put(objectKey(`${probe('out/')}/child`), { ageMs: 24 * HOUR_MS }),
    await put(objectKey(`${probe('out/')}.old`), { ageMs: 24 * HOUR_MS }),
    await put(probe('out/'), { ageMs: 24 * HOUR_MS, sizeBytes: 17 }),
    await put(probe('other/'), { ageMs: 24 * HOUR_MS }),
    await put(objectKey('out/file'), { ageMs: 24 * HOUR_MS }),
  ];
  await removeOldProbes(store, ['out/'], log, () => NOW_MS);
  for (const key of kept) expect(await store.head(key)).toBeDefined();
});

it('removes nothing where the store tells no time', async () => {
  const { store, log, put } = world();
  const old = await put(probe(), { ageMs: 24 * HOUR_MS });
  await removeOldProbes({ ...store, clockSkewMs: () => undefined }, [''], log, () => NOW_MS);
  expect(await store.head(old)).toBeDefined();
});

it('asks once for each prefix, and says what it may not do', async () => {
  const { store, log, lines } = world();
  const asked: string[] = [];
  const refusing = {
    ...store,
    // biome-ignore lint/correctness/useYield: it fails before there is anything to list
    async *list(prefix: string): AsyncGenerator<never> {
      asked.push(prefix);
      throw new SyncError('refused', { op: 'ListObjectsV2', retryable: false, code: 'AccessDenied' });
    },
  };
  await removeOldProbes(refusing, ['a/', 'b/'], log);
  expect(asked).toEqual(['a/.sluice-probe-', 'b/.sluice-probe-']);
  expect(lines.map(({ level, prefix }) => [level, prefix])).toEqual([
    ['warn', 'a/'],
    ['warn', 'b/'],
  ]);
});

it('goes by the names and times that a real server lists', async () => {
  const bucket = `probes-${randomUUID()}`;
  const endpoint = inject('endpoint');
  const options = { endpoint, region: 'us-east-1', forcePathStyle: true, credentials: storeCredentials() };
  const client = new S3Client(options);
  onTestFinished(() => client.destroy());
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const store = createS3Store({
    bucket,
    region: 'us-east-1',
    endpoint,
    addressing: 'path',
    credentials: fixedCredentials(storeCredentials()),
  });
  onTestFinished(() => store.close());
  const { log } = createMemoryLog();
  const [left, file] = [probe('out/'), objectKey('out/file')];
  for (const key of [left, file]) await store.put(key, Buffer.alloc(6), { metadata: {} });
  await removeOldProbes(store, ['out/'], log);
  expect(await store.head(left)).toBeDefined();
  await removeOldProbes(store, ['out/'], log, () => Date.now() + 1.1 * HOUR_MS);
  expect(await store.head(left)).toBeUndefined();
  expect(await store.head(file)).toBeDefined();
});

it('is done once the agent has asked the store what it can do', async () => {
  const left = probe('out/');
  const { endpoint, seen } = await serveHttp((response, { method, url = '', body }) => {
    if (method === 'HEAD') response.statusCode = 404;
    if (method === 'PUT') response.setHeader('etag', `"${body.length}"`);
    const listing =
      `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>${left}</Key><Size>6</Size><ETag>"e"</ETag>` +
      '<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>';
    response.end(url.includes('list-type=2') ? listing : '');
  });
  vi.stubEnv('PROBE_ID', 'a');
  vi.stubEnv('PROBE_SECRET', 's');
  const folders = [{ name: 'out', path: '/out', prefix: 'out/', mode: 'append' }];
  const settings = storeSettings({
    store: {
      bucket: 'b',
      endpoint,
      credentials: { accessKeyVariable: 'PROBE_ID', secretKeyVariable: 'PROBE_SECRET' },
    },
    folders,
  });
  const live = liveStore(settings);
  const learning = live.learn(createMemoryLog().log);
  onTestFinished(async () => {
    learning.stop();
    await live.store.close();
  });
  await expect.poll(() => seen.map(({ method, url }) => `${method} ${url}`)).toContain(`DELETE /b/${left}`);
  expect(seen.filter(({ url = '' }) => url.includes('list-type=2'))).toHaveLength(1);
});
