/** A store that misbehaves on the wire. */
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { cachedCredentials, fixedCredentials } from '#adapters/s3/credentials.ts';
import { objectKey } from '#core/key.ts';
import { type Answer, errorAnswer as error, scriptedStore } from './scripted-server.ts';

const key = objectKey('k');
const body = new TextEncoder().encode('hello');
const md5 = '5d41402abc4b2a76b9719d911017c592';
const ok: Answer = (response) => response.setHeader('etag', `"${md5}"`).end();

it('tries again after 503 SlowDown and after a reset', async () => {
  const { store, seen } = await scriptedStore([
    error(503, 'SlowDown'),
    (response) => response.socket?.destroy(),
    ok,
  ]);
  expect(await store.put(key, body, { metadata: {} })).toEqual({ etag: md5 });
  expect(seen).toHaveLength(3);
});

it('gives up after its attempts and says why', async () => {
  const { store, seen } = await scriptedStore([error(503, 'SlowDown')]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({
    code: 'SlowDown',
    retryable: true,
  });
  expect(seen).toHaveLength(3);
});

it('does not try again what cannot succeed', async () => {
  const { store, seen } = await scriptedStore([error(403, 'AccessDenied')]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'AccessDenied' });
  expect(seen).toHaveLength(1);
});

it('does not believe a PUT that is answered with another ETag or none', async () => {
  for (const etag of ['"00000000000000000000000000000000"', '']) {
    const { store } = await scriptedStore([(response) => response.setHeader('etag', etag).end()]);
    await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
  }
});

it('does not believe a 200 with an error or nothing inside', async () => {
  for (const answer of [
    error(200, 'InternalError'),
    (response: ServerResponse) => void response.writeHead(200).end(),
  ]) {
    const { store } = await scriptedStore([answer]);
    await expect(store.copy(key, { bucket: 'b', key, ifMatch: md5 })).rejects.toMatchObject({
      code: 'InternalError',
    });
  }
});

it('notices a body that ends early, whether its length was told or not', async () => {
  const { store: stalling } = await scriptedStore(
    [(response) => response.writeHead(200, { 'content-length': '10', etag: '"x"' }).write('short')],
    { idleTimeoutMs: 200 },
  );
  const { body: stalled } = await stalling.get(key);
  await expect(Array.fromAsync(stalled)).rejects.toMatchObject({ name: 'SyncError', retryable: true });

  const { store: cutting } = await scriptedStore([
    (response) => {
      response.socket?.end(
        'HTTP/1.1 206 OK\r\ncontent-range: bytes 0-9/10\r\nconnection: close\r\netag: "x"\r\n\r\nshort',
      );
    },
  ]);
  const { body: cut } = await cutting.get(key, { range: { start: 0, end: 9 } });
  await expect(Array.fromAsync(cut)).rejects.toMatchObject({ code: 'Truncated' });
});

it('says of an XML answer that breaks off what was asked, and that it can be tried again', async () => {
  const { store } = await scriptedStore([
    (response) =>
      response.writeHead(200, { 'content-length': '100' }).write('<ListBuck', () => response.destroy()),
  ]);
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
    name: 'SyncError',
    op: 'ListObjectsV2',
    retryable: true,
    message: expect.stringContaining('broke off'),
  });
});

it('does not wait for ever for a store that is silent', async () => {
  const { store } = await scriptedStore([() => undefined], { requestTimeoutMs: 100 });
  await expect(store.head(key)).rejects.toMatchObject({ code: 'ETIMEDOUT', retryable: true });
});

it('asks for new credentials when the store says that they have expired', async () => {
  let loads = 0;
  const credentials = cachedCredentials(async () => ({ accessKeyId: `id${++loads}`, secretAccessKey: 's' }));
  const { store, seen } = await scriptedStore([error(400, 'ExpiredToken'), ok], { credentials });
  await store.put(key, body, { metadata: {} });
  expect(seen.map((request) => /Credential=(\w+)/.exec(request.headers.authorization ?? '')?.[1])).toEqual([
    'id1',
    'id2',
  ]);
});

it("takes the store's clock when its own is refused", async () => {
  const skewed = new Date(Date.now() + 86_400_000);
  const { store, seen } = await scriptedStore([
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

it('keeps the secret out of requests and errors', async () => {
  const { store, seen } = await scriptedStore([error(403, 'SignatureDoesNotMatch')], {
    credentials: fixedCredentials({ accessKeyId: 'a', secretAccessKey: 'canary-secret' }),
  });
  const failure = await store.head(key).catch((caught: unknown) => caught);
  expect(JSON.stringify(failure) + inspect(failure, { depth: null, showHidden: true })).not.toContain(
    'canary-secret',
  );
  expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain('canary-secret');
});

it('sends no header that would begin another one, and says which', async () => {
  const { store, seen } = await scriptedStore([ok]);
  for (const value of ['a\r\nx-amz-acl: public-read', 'a\nb', 'a\0', '\u4e16']) {
    await expect(store.put(key, body, { metadata: { note: value } })).rejects.toMatchObject({
      code: 'InvalidHeader',
      retryable: false,
      message: expect.stringContaining('x-amz-meta-note'),
    });
  }
  expect(seen).toEqual([]);
});

it('sends the bytes of a value as it got them, and signs those', async () => {
  const value = Buffer.from('voilà', 'utf8').toString('latin1');
  const { store, seen } = await scriptedStore([
    (response) => response.setHeader('etag', '"e"').setHeader('x-amz-meta-note', value).end(),
    ok,
  ]);
  const head = await store.head(key);
  expect(head?.metadata).toEqual({ note: value });
  await store.put(key, body, { metadata: head?.metadata ?? {} });
  expect(seen[1]?.headers['x-amz-meta-note']).toBe(value);
});

it('waits longer for an answer where the store has work to do', async () => {
  const copied: Answer = (response) => response.end('<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>');
  const answers: (() => void)[] = [];
  const { store, seen } = await scriptedStore(
    [(response, request) => answers.push(() => copied(response, request))],
    {
      idleTimeoutMs: 20,
      requestTimeoutMs: 60_000,
      retry: { attempts: 1, baseDelayMs: 0, maxDelayMs: 0 },
    },
  );
  const copying = store.copy(key, { bucket: 'b', key, ifMatch: md5 });
  await expect.poll(() => seen.length).toBe(1);
  // A request that is given up meanwhile shows that the time is over which others get.
  await expect(store.head(key)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  answers[0]?.();
  expect(await copying).toEqual({ etag: 'e' });
});
