/** The null store forgets bodies, but what it says of them is true: else nobody's verification would mean anything. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { probeStore } from '#adapters/s3/probe.ts';
import type { S3Store } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import { AGENT_MAIN } from './agent.ts';
import { createBench } from './bench.ts';
import { type Server, storeOf, type Target } from './servers.ts';

const bench = createBench({ quick: false, agent: [process.execPath, AGENT_MAIN], say: () => {} });
let server: Server;
let target: Target;
let store: S3Store;

beforeAll(async () => {
  server = await bench.sink();
  target = await server.newBucket();
  store = storeOf(target);
});
afterAll(async () => {
  await store.close();
  await bench.close();
});

const md5 = (...parts: Uint8Array[]) => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

test('the ETag is the MD5 of the body, sent or not', async () => {
  const body = Buffer.alloc(5000, 'a');
  const { etag } = await store.put(objectKey('sent'), body, { metadata: { mtime: '12.5' } });
  expect(etag).toBe(md5(body).toString('hex'));
  expect(await store.head(objectKey('sent'))).toMatchObject({
    etag,
    sizeBytes: 5000,
    metadata: { mtime: '12.5' },
  });
  const plain = await fetch(`${target.endpoint}/${target.bucket}/plain`, { method: 'PUT', body });
  expect(plain.headers.get('etag')).toBe(`"${etag}"`);
});

test('a body in signed chunks is counted without its framing', async () => {
  const body =
    '5;chunk-signature=00\r\nhello\r\n6;chunk-signature=00\r\n world\r\n0;chunk-signature=00\r\n\r\n';
  const answer = await fetch(`${target.endpoint}/${target.bucket}/chunked`, {
    method: 'PUT',
    body,
    headers: { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' },
  });
  expect(answer.headers.get('etag')).toBe(`"${md5(Buffer.from('hello world')).toString('hex')}"`);
  const whole = await fetch(`${target.endpoint}/${target.bucket}/chunked`);
  expect(await whole.text()).toBe('hello world');
});

test('an object of parts has the ETag of its parts', async () => {
  const key = objectKey('parts');
  const parts = [Buffer.alloc(3000, 'a'), Buffer.alloc(2000, 'b')] as const;
  const uploadId = await store.createMultipart(key, { metadata: {} });
  const done = [
    await store.uploadPart(key, uploadId, 1, parts[0]),
    await store.uploadPart(key, uploadId, 2, parts[1]),
  ];
  const { etag } = await store.completeMultipart(key, uploadId, done);
  expect(etag).toBe(`${md5(...parts.map((part) => md5(part))).toString('hex')}-2`);
  expect((await store.head(key))?.sizeBytes).toBe(5000);
});

test('it checks CRC-32 and honours conditions, as a store that the agent can rely on', async () => {
  const options = { region: 'us-east-1', addressing: 'path' as const, endpoint: target.endpoint };
  const credentials = fixedCredentials({ accessKeyId: 'any', secretAccessKey: 'any' });
  const probed = await probeStore({ ...options, bucket: target.bucket, credentials }, 'probe/');
  expect(probed).toMatchObject({ crc32: true, conditionalPut: true, conditionalDelete: true });
});

test('a listing is complete, page by page and in the order of bytes; notes of agents do not count', async () => {
  const own = await server.newBucket();
  const listed = storeOf(own);
  const before = (await server.requests?.()) ?? 0;
  const keys = Array.from({ length: 1005 }, (_, index) => `d/${index % 7}/Ä &+%${index}`);
  await Promise.all(keys.map((key) => listed.put(objectKey(key), Buffer.from('x'), { metadata: {} })));
  await listed.put(objectKey('d/.sluice/owner'), Buffer.from('me'), { metadata: {} });
  const found: string[] = [];
  for await (const { key } of listed.list('d/')) found.push(key);
  await listed.close();
  expect(found).toEqual(
    [...keys, 'd/.sluice/owner'].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  expect(await server.stored(own)).toEqual({ objects: 1005, bytes: 1005 });
  expect(((await server.requests?.()) ?? 0) - before).toBe(1008);
});
