/** What the store sends for what it is asked, and what it believes of the answers. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { type Answer, errorAnswer, type SeenRequest, scriptedStore } from './scripted-server.ts';

const key = objectKey('k');
const body = new TextEncoder().encode('hello');
const md5 = '5d41402abc4b2a76b9719d911017c592';
const kmsTag = '0123456789abcdef0123456789abcdef';
const source = { bucket: 'b', key: objectKey('from'), ifMatch: md5 };
const placed = {
  metadata: {},
  storageClass: 'STANDARD_IA',
  encryption: { type: 'aws:kms', keyId: 'alias/files' },
} as const;

const confirmed: Answer = (response, request) =>
  response.setHeader('etag', `"${createHash('md5').update(request.body).digest('hex')}"`).end();
const xml =
  (text: string): Answer =>
  (response) =>
    response.end(text);
/** The answer of a store that does what it is asked for. */
const encrypting =
  (answer: Answer): Answer =>
  (response, request) => {
    const asked = request.headers['x-amz-server-side-encryption'];
    if (asked !== undefined) response.setHeader('x-amz-server-side-encryption', asked);
    return answer(response, request);
  };
const noContent: Answer = (response) => response.writeHead(204).end();
const found =
  (etag: string): Answer =>
  (response) =>
    response.setHeader('etag', `"${etag}"`).end();

const copyDone = xml('<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>');
const uploadBegun = xml(
  '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
);

function placementOf({ headers }: SeenRequest) {
  return [
    headers['x-amz-storage-class'],
    headers['x-amz-server-side-encryption'],
    headers['x-amz-server-side-encryption-aws-kms-key-id'],
  ];
}

it('asks for storage class and encryption on PUT, on copies with new attributes, and on uploads in parts', async () => {
  const { store, seen } = await scriptedStore([confirmed, copyDone, uploadBegun, confirmed].map(encrypting));
  await store.put(key, body, placed);
  await store.copy(key, source, placed);
  await store.createMultipart(key, placed);
  for (const request of seen) expect(placementOf(request)).toEqual(['STANDARD_IA', 'aws:kms', 'alias/files']);
  await store.put(key, body, { metadata: {}, encryption: { type: 'AES256' } });
  expect(placementOf(seen[3] as SeenRequest)).toEqual([undefined, 'AES256', undefined]);
});

it('believes an object to be encrypted only when the store says so', async () => {
  const other = (answer: Answer): Answer => {
    return (response, request) =>
      answer(response.setHeader('x-amz-server-side-encryption', 'AES256'), request);
  };
  for (const answer of [confirmed, other(confirmed)]) {
    const { store } = await scriptedStore([answer]);
    await expect(store.put(key, body, placed)).rejects.toMatchObject({
      code: 'NotEncrypted',
      retryable: false,
      hint: expect.stringContaining('encryption'),
    });
  }
});

it('asks for nothing where nothing was asked', async () => {
  const { store, seen } = await scriptedStore([confirmed, copyDone]);
  await store.put(key, body, { metadata: {} });
  await store.copy(key, source);
  for (const request of seen) expect(placementOf(request)).toEqual([undefined, undefined, undefined]);
});

it('takes the ETag of an object under a KMS key for what it is: no MD5', async () => {
  for (const encryption of ['aws:kms', 'aws:kms:dsse']) {
    const { store } = await scriptedStore([
      (response) => {
        response.setHeader('x-amz-server-side-encryption', encryption).setHeader('etag', `"${kmsTag}"`).end();
      },
    ]);
    expect(await store.put(key, body, { metadata: {} })).toEqual({ etag: kmsTag });
    expect(await store.uploadPart(key, 'u', 1, body)).toEqual({ partNumber: 1, etag: kmsTag });
  }
});

it('still wants the MD5 back where only the store itself encrypts', async () => {
  const { store } = await scriptedStore([
    (response) => {
      response.setHeader('x-amz-server-side-encryption', 'AES256').setHeader('etag', `"${kmsTag}"`).end();
    },
  ]);
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
});

it('does not believe a CRC-32 in the answer that is not the one sent, KMS or not', async () => {
  const { store } = await scriptedStore(
    [
      (response) => {
        response
          .setHeader('x-amz-server-side-encryption', 'aws:kms')
          .setHeader('x-amz-checksum-crc32', 'AAAAAA==')
          .setHeader('etag', `"${kmsTag}"`)
          .end();
      },
    ],
    { crc32: true },
  );
  await expect(store.put(key, body, { metadata: {} })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
});

it('sends CRC-32 as soon as the store was seen to check it, unless it was told what to do', async () => {
  let known: { crc32: boolean; conditionalDelete: boolean } | undefined;
  const capabilities = () => known;
  const { store, seen } = await scriptedStore([confirmed], { capabilities });
  const told = await scriptedStore([confirmed], { capabilities, crc32: false });
  await store.put(key, body, { metadata: {} });
  known = { crc32: true, conditionalDelete: false };
  await store.put(key, body, { metadata: {} });
  await told.store.put(key, body, { metadata: {} });
  const sums = [...seen, ...told.seen].map(({ headers }) => headers['x-amz-checksum-crc32']);
  expect(sums).toEqual([undefined, 'NhCmhg==', undefined]);
  for (const { headers } of seen) expect(headers['content-md5']).toBe('XUFAKrxLKna5cZ2REBfFkg==');
});

it('looks before a conditional delete while it is not known that the store itself refuses', async () => {
  const { store, seen } = await scriptedStore([found('other'), found(md5), noContent]);
  expect(await store.delete(key, { ifMatch: md5 })).toBe('changed');
  expect(await store.delete(key, { ifMatch: md5 })).toBe('deleted');
  expect(seen.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'DELETE']);
});

describe.each<[string, Answer]>([
  ['a store that is busy', errorAnswer(503, 'SlowDown')],
  ['a connection that breaks', (response) => void response.destroy()],
])('a conditional delete after %s', (_what, failing) => {
  it.each<[string, Answer, string, number]>([
    ['goes on while the object is the same', found(md5), 'deleted', 2],
    ['leaves an object that was written meanwhile', found('other'), 'changed', 1],
    ['is done when the object is gone', errorAnswer(404, 'NoSuchKey'), 'deleted', 1],
  ])('%s', async (_promise, meanwhile, answer, deletes) => {
    const { store, seen } = await scriptedStore([found(md5), failing, meanwhile, noContent]);
    expect(await store.delete(key, { ifMatch: md5 })).toBe(answer);
    expect(seen.filter(({ method }) => method === 'DELETE')).toHaveLength(deletes);
  });
});

const conditionalDelete = { capabilities: () => ({ crc32: true, conditionalDelete: true }) };

it('deletes with one request where the store refuses by itself', async () => {
  const { store, seen } = await scriptedStore([noContent], conditionalDelete);
  expect(await store.delete(key, { ifMatch: md5 })).toBe('deleted');
  expect(seen.map(({ method, headers }) => [method, headers['if-match']])).toEqual([['DELETE', `"${md5}"`]]);
});

it('tells an object that changed from one that is gone, however the store refuses', async () => {
  const gone = errorAnswer(404, 'NoSuchKey');
  const refused = errorAnswer(412, 'PreconditionFailed');
  const bucketThere: Answer = (response) => response.end();
  for (const [answers, expected] of [
    [[refused, found('other')], 'changed'],
    [[refused, gone, bucketThere], 'deleted'],
    [[gone, gone, bucketThere], 'deleted'],
  ] as const) {
    const { store } = await scriptedStore(answers, conditionalDelete);
    expect(await store.delete(key, { ifMatch: md5 })).toBe(expected);
  }
});

it('does not take a bucket that is gone for an object or an upload that is gone', async () => {
  const { store } = await scriptedStore([errorAnswer(404, 'NoSuchBucket')], conditionalDelete);
  const missing = { code: 'NoSuchBucket', op: 'DeleteObject' };
  await expect(store.delete(key, { ifMatch: md5 })).rejects.toMatchObject(missing);
  await expect(store.delete(key)).rejects.toMatchObject(missing);
  await expect(store.abortMultipart(key, 'u')).rejects.toMatchObject({ code: 'NoSuchBucket' });
});

it('tells the size of the first part only where the store does', async () => {
  const part =
    (headers: Record<string, string>): Answer =>
    (response) =>
      response.writeHead(206, { etag: `"${md5}-2"`, ...headers }).end();
  for (const [headers, expected] of [
    [{ 'x-amz-mp-parts-count': '2', 'content-length': '7', 'content-range': 'bytes 0-6/10' }, 7],
    [{ 'x-amz-mp-parts-count': '1', 'content-length': '7', 'content-range': 'bytes 0-6/7' }, 7],
    [{ 'x-amz-mp-parts-count': '2', 'content-length': '10', 'content-range': 'bytes 0-9/10' }, undefined],
    [{ 'content-length': '10' }, undefined],
  ] as const) {
    const { store } = await scriptedStore([part(headers)]);
    expect(await store.partBytes(key, `${md5}-2`)).toBe(expected);
  }
});

it("tells how far the store's clock is from this one", async () => {
  const serverMs = Math.floor(Date.now() / 1000) * 1000 + 3_600_000;
  const { store } = await scriptedStore(
    [
      (response) =>
        response.setHeader('date', new Date(serverMs).toUTCString()).setHeader('etag', '"e"').end(),
    ],
    { clock: { now: () => serverMs - 3_600_000, sleep: async () => undefined, random: () => 0 } },
  );
  expect(store.clockSkewMs()).toBeUndefined();
  await store.head(key);
  expect(store.clockSkewMs()).toBe(3_600_000);
});
