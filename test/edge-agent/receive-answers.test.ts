/** Answers that break off or tell too little, or what is not so: nothing is lost, and what can be received is. */
import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import type { ObjectHead } from '#core/ports.ts';
import { serveHttp, storeAt } from '../adapters/s3/scripted-server.ts';
import { receiveSetup } from './receive-setup.ts';

it('brings a large object although the answer that told of it broke off before its first byte', async () => {
  const partBytes = 5 * 1024 * 1024;
  let broken = 0;
  const { put, once, has, inBucket, leftovers } = receiveSetup(
    {},
    { partBytes },
    {
      store: (memory) => ({
        ...memory,
        async get(key, options) {
          const answer = await memory.get(key, options);
          if (options?.range !== undefined) return answer;
          broken++;
          return { ...answer, body: breakingOff() };
        },
      }),
    },
  );
  await put('f', Buffer.alloc(2 * partBytes, 'x'));
  expect(await once()).toBe(0);
  expect([broken, has('f'), inBucket('f'), leftovers()]).toEqual([1, true, false, []]);
});

it('does not take an object for empty when no answer tells its length', async () => {
  const etag = '"0123456789abcdef0123456789abcdef-2"';
  const item = `<Contents><Key>in/f</Key><Size>7</Size><ETag>${etag}</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`;
  const { endpoint, seen } = await serveHttp((response, { method, url = '' }) => {
    if (url.includes('list-type')) return response.end(`<ListBucketResult>${item}</ListBucketResult>`);
    response.writeHead(200, {
      etag,
      'last-modified': new Date().toUTCString(),
      'transfer-encoding': 'chunked',
    });
    return response.end(method === 'GET' ? 'content' : '');
  });
  const { once, tree } = receiveSetup({}, {}, { store: () => storeAt(endpoint) });
  expect(await once()).toBe(1);
  expect(seen.filter(({ method }) => method === 'DELETE')).toEqual([]);
  expect(tree()).toEqual([]);
});

it('believes the sender when the store says of an ETag that it is an MD5, and it is none', async () => {
  const etag = 'f'.repeat(32);
  const told = (head: ObjectHead): ObjectHead => ({ ...head, etag, md5: etag });
  const { put, once, read, inBucket } = receiveSetup(
    {},
    {},
    {
      store: (memory) => ({
        ...memory,
        async head(key) {
          const head = await memory.head(key);
          return head === undefined ? undefined : told(head);
        },
        async get(key) {
          const { head, body } = await memory.get(key);
          return { head: told(head), body };
        },
        delete: (key) => memory.delete(key),
      }),
    },
  );
  await put('f', 'content', { 'sluice-md5': hash('md5', 'content') });
  expect(await once()).toBe(0);
  expect(read('f')).toBe('content');
  expect(inBucket('f')).toBe(false);
});

// biome-ignore lint/correctness/useYield: it ends before it has anything.
async function* breakingOff(): AsyncGenerator<Uint8Array> {
  throw new SyncError('the answer broke off', { op: 'GetObject', retryable: true, code: 'ECONNRESET' });
}
