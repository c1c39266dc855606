/** Torture 37: an endpoint, or whoever answers for it, that sends the client elsewhere. */
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { scriptedStore, serveHttp } from './scripted-server.ts';

const key = objectKey('k');
const secretBody = new TextEncoder().encode('not for others');

it.each([
  [301, 'PermanentRedirect'],
  [302, 'HTTP 302'],
  [307, 'TemporaryRedirect'],
  [308, 'HTTP 308'],
])(
  'does not follow a %d to another host, neither with the body nor with the signature',
  async (status, code) => {
    const other = await serveHttp((response) => response.end());
    const { store, seen } = await scriptedStore([
      (response) => response.writeHead(status, { location: `${other.endpoint}/b/k` }).end(),
    ]);
    const expected = {
      code,
      retryable: false,
      message: expect.stringContaining(other.endpoint),
      hint: expect.stringContaining('endpoint or the region'),
    };
    await expect(store.put(key, secretBody, { metadata: {} })).rejects.toMatchObject(expected);
    await expect(store.head(key)).rejects.toMatchObject(expected);
    await expect(store.get(key)).rejects.toMatchObject(expected);
    await expect(store.delete(key)).rejects.toMatchObject(expected);
    expect(seen).toHaveLength(4);
    expect(other.seen).toEqual([]);
  },
);

it('names the region that the bucket is in when the store tells', async () => {
  const { store } = await scriptedStore([
    (response) => response.writeHead(301, { 'x-amz-bucket-region': 'eu-west-3' }).end(),
  ]);
  await expect(store.head(key)).rejects.toMatchObject({ hint: expect.stringContaining('eu-west-3') });
});
