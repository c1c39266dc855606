import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { probeStore } from '#adapters/s3/probe.ts';
import { type Answer, errorAnswer, type SeenRequest, serveHttp } from './scripted-server.ts';

const at = (endpoint: string, bucket = 'b') => ({
  bucket,
  region: 'us-east-1',
  endpoint,
  addressing: 'path' as const,
  credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
  retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
});

describe('on a real server', () => {
  async function bucketOn(endpoint: string) {
    const client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    onTestFinished(() => client.destroy());
    const bucket = `probe-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return { client, bucket };
  }

  it('sees whether the bucket keeps versions', async () => {
    const { client, bucket } = await bucketOn(inject('endpoint'));
    expect(await probeStore(at(inject('endpoint'), bucket), 'p/')).toMatchObject({ versions: false });
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    expect(await probeStore(at(inject('endpoint'), bucket), 'p/')).toMatchObject({ versions: true });
  });

  it('names a bucket that is not there, and a store that cannot be reached', async () => {
    const missing = probeStore(at(inject('endpoint'), `missing-${randomUUID()}`), '');
    await expect(missing).rejects.toMatchObject({ code: 'NoSuchBucket', hint: expect.any(String) });
    const silent = probeStore(at('http://127.0.0.1:9'), '');
    await expect(silent).rejects.toMatchObject({ code: 'ECONNREFUSED', hint: expect.any(String) });
  });
});

/** A store with one object at a time; `changes` answers instead where it has something else to say. */
async function toyStore(changes: (request: SeenRequest, objects: Map<string, Buffer>) => Answer | undefined) {
  const objects = new Map<string, Buffer>();
  const { endpoint, seen } = await serveHttp((response, request) => {
    const { method, url = '', headers, body } = request;
    const path = url.split('?')[0] ?? '';
    const answer = changes(request, objects);
    if (answer !== undefined) return answer(response, request);
    if (method === 'DELETE') objects.delete(path);
    if (method === 'HEAD') response.statusCode = objects.has(path) ? 200 : 404;
    if (method === 'PUT') {
      objects.set(path, body);
      const md5 = Buffer.from(String(headers['content-md5']), 'base64').toString('hex');
      response.setHeader('etag', `"${md5}"`);
    }
    response.end();
  });
  return { endpoint, seen, objects };
}

const wrongCrc = ({ headers }: SeenRequest) =>
  headers['x-amz-checksum-crc32'] !== undefined && headers['x-amz-checksum-crc32'] !== 'CFlJMg==';
const badDigest = errorAnswer(400, 'BadDigest');
const failed = errorAnswer(412, 'PreconditionFailed');

it('finds nothing in a store that ignores every header, and leaves nothing there', async () => {
  const { endpoint, objects, seen } = await toyStore(() => undefined);
  expect(await probeStore(at(endpoint), 'out/')).toEqual({
    crc32: false,
    conditionalPut: false,
    conditionalDelete: false,
    versions: false,
    encryption: 'none',
  });
  expect([...objects]).toEqual([]);
  for (const { url } of seen) expect(url).toMatch(/^\/b\/out\/\.sluice-probe-/);
});

it('finds all in a store that has all', async () => {
  const { endpoint, objects } = await toyStore((request, kept) => {
    const { method, url = '', headers } = request;
    if (method === 'PUT' && wrongCrc(request)) return badDigest;
    if (headers['if-none-match'] === '*' && kept.has(url)) return failed;
    if (method === 'DELETE' && headers['if-match']?.startsWith('"0000')) return failed;
    if (method !== 'PUT') return undefined;
    return (response) => {
      kept.set(url, request.body);
      response.setHeader('x-amz-version-id', 'v1').setHeader('x-amz-server-side-encryption', 'aws:kms');
      response.setHeader('etag', '"x"').end();
    };
  });
  expect(await probeStore(at(endpoint), '')).toEqual({
    crc32: true,
    conditionalPut: true,
    conditionalDelete: true,
    versions: true,
    encryption: 'aws:kms',
  });
  expect([...objects]).toEqual([]);
});

it.each([
  ['refuses the header of CRC-32 itself', 400, 'InvalidArgument', 'x-amz-checksum-crc32'],
  ['does not implement If-None-Match', 501, 'NotImplemented', 'if-none-match'],
  ['does not implement If-Match', 501, 'NotImplemented', 'if-match'],
])('does not rely on what a store does that %s', async (_what, status, code, header) => {
  const { endpoint } = await toyStore(({ headers }) =>
    headers[header] === undefined ? undefined : errorAnswer(status, code),
  );
  expect(await probeStore(at(endpoint), '')).toMatchObject({
    crc32: false,
    conditionalPut: false,
    conditionalDelete: false,
  });
});

it('does not rely on a conditional delete that answers 412 and deletes, or that never deletes', async () => {
  const deletesAnyway = await toyStore(({ method, url = '', headers }, kept) => {
    if (method !== 'DELETE' || !headers['if-match']?.startsWith('"0000')) return undefined;
    kept.delete(url);
    return failed;
  });
  const never = await toyStore(({ method, headers }) =>
    method === 'DELETE' && headers['if-match'] !== undefined ? failed : undefined,
  );
  for (const { endpoint } of [deletesAnyway, never]) {
    expect(await probeStore(at(endpoint), '')).toMatchObject({ conditionalDelete: false });
  }
});

it.each(['PUT', 'DELETE', 'HEAD'])('says that it may not %s, and cleans up', async (forbidden) => {
  const { endpoint, objects, seen } = await toyStore(({ method, headers }) => {
    if (method === 'DELETE' && headers['if-match']?.startsWith('"0000')) return failed;
    return method === forbidden ? errorAnswer(403, 'AccessDenied') : undefined;
  });
  await expect(probeStore(at(endpoint), '')).rejects.toMatchObject({
    code: 'AccessDenied',
    hint: expect.any(String),
  });
  if (forbidden !== 'DELETE') expect([...objects]).toEqual([]);
  expect(seen.at(-1)?.method).toBe('DELETE');
});
