/** A store that misbehaves on the wire: a real HTTP server that answers as told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { cachedCredentials, fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type StoreOptions } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const key = objectKey('k');
const body = new TextEncoder().encode('hello');
const md5 = '5d41402abc4b2a76b9719d911017c592';
const ok: Answer = (response) => response.setHeader('etag', `"${md5}"`).end();
const error =
  (status: number, code: string): Answer =>
  (response) =>
    response
      .writeHead(status)
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);

let server: Server;
let store: ReturnType<typeof createS3Store>;
let seen: IncomingMessage[];

/** Answers the requests in turn; the last answer repeats. */
async function against(answers: Answer[], options: Partial<StoreOptions> = {}) {
  seen = [];
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      seen.push(request);
      (answers[Math.min(seen.length, answers.length) - 1] ?? ok)(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  store = createS3Store({
    bucket: 'b',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    addressing: 'path',
    credentials: fixedCredentials({ accessKeyId: 'a', secretAccessKey: 's' }),
    retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 1 },
    ...options,
  });
  return store;
}

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await store.close();
});

it('tries again after 503 SlowDown and after a reset', async () => {
  await against([error(503, 'SlowDown'), (response) => response.socket?.destroy(), ok]);
  expect(await store.put(key, body, { metadata: {} })).toEqual({ etag: md5 });
  expect(seen).toHaveLength(3);
});

it('gives up after its attempts and says why', async () => {
  await against([error(503, 'SlowDown')]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({
    code: 'SlowDown',
    retryable: true,
  });
  expect(seen).toHaveLength(3);
});

it('does not try again what cannot succeed', async () => {
  await against([error(403, 'AccessDenied')]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'AccessDenied' });
  expect(seen).toHaveLength(1);
});

it('does not believe a PUT that is answered with another ETag or none', async () => {
  for (const etag of ['"00000000000000000000000000000000"', '']) {
    await against([(response) => response.setHeader('etag', etag).end()]);
    await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
  }
});

it('does not believe a 200 with an error or nothing inside', async () => {
  for (const answer of [
    error(200, 'InternalError'),
    (response: ServerResponse) => void response.writeHead(200).end(),
  ]) {
    await against([answer]);
    await expect(store.copy(key, { bucket: 'b', key, ifMatch: md5 })).rejects.toMatchObject({
      code: 'InternalError',
    });
  }
});

it('notices a body that ends early, whether its length was told or not', async () => {
  await against(
    [(response) => response.writeHead(200, { 'content-length': '10', etag: '"x"' }).write('short')],
    {
      idleTimeoutMs: 200,
    },
  );
  const { body: stalled } = await store.get(key);
  await expect(Array.fromAsync(stalled)).rejects.toThrow();

  await against([
    (response) => {
      response.socket?.end(
        'HTTP/1.1 206 OK\r\ncontent-range: bytes 0-9/10\r\nconnection: close\r\netag: "x"\r\n\r\nshort',
      );
    },
  ]);
  const { body: cut } = await store.get(key, { range: { start: 0, end: 9 } });
  await expect(Array.fromAsync(cut)).rejects.toMatchObject({ code: 'Truncated' });
});

it('does not wait for ever for a store that is silent', async () => {
  await against([() => undefined], { requestTimeoutMs: 100 });
  await expect(store.head(key)).rejects.toMatchObject({ code: 'ETIMEDOUT', retryable: true });
});

it('asks for new credentials when the store says that they have expired', async () => {
  let loads = 0;
  const credentials = cachedCredentials(async () => ({ accessKeyId: `id${++loads}`, secretAccessKey: 's' }));
  await against([error(400, 'ExpiredToken'), ok], { credentials });
  await store.put(key, body, { metadata: {} });
  expect(seen.map((request) => /Credential=(\w+)/.exec(request.headers.authorization ?? '')?.[1])).toEqual([
    'id1',
    'id2',
  ]);
});

it("takes the store's clock when its own is refused", async () => {
  const skewed = new Date(Date.now() + 86_400_000);
  await against([
    (response) =>
      response
        .writeHead(403, { date: skewed.toUTCString() })
        .end('<Error><Code>RequestTimeTooSkewed</Code><Message>no</Message></Error>'),
    ok,
  ]);
  await store.put(key, body, { metadata: {} });
  const day = skewed.toISOString().slice(0, 10).replaceAll('-', '');
  expect(seen[1]?.headers['x-amz-date']).toContain(day);
});

it('does not follow a redirect with the body and the signature', async () => {
  await against([(response) => response.writeHead(307, { location: 'http://169.254.169.254/' }).end()]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'TemporaryRedirect' });
  expect(seen).toHaveLength(1);
});

it('ends a listing that repeats its token', async () => {
  const page =
    '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>';
  await against([(response) => response.end(page)]);
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'BadListing' });
});

it('keeps the secret out of requests and errors', async () => {
  await against([error(403, 'SignatureDoesNotMatch')], {
    credentials: fixedCredentials({ accessKeyId: 'a', secretAccessKey: 'canary-secret' }),
  });
  const failure = await store.head(key).catch((caught: unknown) => caught);
  expect(JSON.stringify(failure) + String((failure as Error).stack)).not.toContain('canary-secret');
  expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain('canary-secret');
});
