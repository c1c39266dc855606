/** Listings that must not be believed: what is missing from a list would be taken for absent. */
import { expect, it } from 'vitest';
import { type Answer, scriptedStore } from './scripted-server.ts';

const MORE = '<IsTruncated>true</IsTruncated>';
const ENCODED = '<EncodingType>url</EncodingType>';
const time = '2024-05-06T07:08:09.000Z';

const objects =
  (inner: string): Answer =>
  (response) =>
    response.end(`<ListBucketResult>${inner}</ListBucketResult>`);
const uploads =
  (inner: string): Answer =>
  (response) =>
    response.end(`<ListMultipartUploadsResult><Bucket>b</Bucket>${inner}</ListMultipartUploadsResult>`);
const object = (key: string, size = '1', modified = time) =>
  `<Contents><Key>${key}</Key><Size>${size}</Size><LastModified>${modified}</LastModified><ETag>&#34;e&#34;</ETag></Contents>`;
const upload = (key: string, id = 'u', initiated = time) =>
  `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;

it('reads entities, url encoding and times', async () => {
  const { store } = await scriptedStore([objects(`${ENCODED}${object('a/b+c%2Bd')}`)]);
  expect(await Array.fromAsync(store.list('a/'))).toEqual([
    { key: 'a/b c+d', sizeBytes: 1, etag: 'e', lastModifiedMs: Date.parse(time) },
  ]);
});

it.each([
  ['a key outside the prefix', object('b/x')],
  ['an entry without a key', object('')],
  ['a key that is not encoded as it says', `${ENCODED}${object('a/100%')}`],
  ['a time that is none', object('a/x', '1', 'yesterday')],
  ['a size that is none', object('a/x', '')],
  ['a page that does not say how to go on', `${MORE}${object('a/x')}`],
  ['a token that repeats', `${MORE}<NextContinuationToken>t</NextContinuationToken>`],
])('ends a listing with %s', async (_what, inner) => {
  const { store } = await scriptedStore([objects(inner)]);
  const listed = Array.fromAsync(store.list('a/'));
  await expect(listed).rejects.toMatchObject({ code: 'BadListing', retryable: false });
});

const page = (key: string, next?: string) =>
  objects(
    next === undefined
      ? object(key)
      : `${MORE}<NextContinuationToken>${next}</NextContinuationToken>${object(key)}`,
  );

it('asks for the next page while one is read, where that is wanted, and only then', async () => {
  for (const [ahead, asked] of [
    [true, 2],
    [false, 1],
  ] as const) {
    const { store, seen } = await scriptedStore([page('a/1', 't'), page('a/2')]);
    const listed = store.list('a/', { ahead })[Symbol.asyncIterator]();
    expect((await listed.next()).value?.key).toBe('a/1');
    await expect.poll(() => seen.length).toBe(asked);
    expect((await listed.next()).value?.key).toBe('a/2');
    expect((await listed.next()).done).toBe(true);
    expect(seen).toHaveLength(2);
  }
});

it('tells of a page that failed ahead only those who go on to it', async () => {
  const reader = async (stop: boolean) => {
    const { store, seen } = await scriptedStore([page('a/1', 't'), objects(object('b/x'))]);
    const keys: string[] = [];
    for await (const { key } of store.list('a/', { ahead: true })) {
      keys.push(key);
      await expect.poll(() => seen.length).toBe(2);
      if (stop) break;
    }
    return keys;
  };
  expect(await reader(true)).toEqual(['a/1']);
  await expect(reader(false)).rejects.toMatchObject({ code: 'BadListing' });
});

it.each([
  ['a key outside the prefix', upload('b/x')],
  ['an upload without an id', upload('a/x', '')],
  ['a key that is not encoded as it says', `${ENCODED}${upload('a/100%')}`],
  [
    'a place that is not encoded as it says',
    `${MORE}${ENCODED}<NextKeyMarker>a/100%</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>`,
  ],
  ['a time that is none', upload('a/x', 'u', '')],
  ['no place to go on from', MORE],
  [
    'a place that repeats',
    `${MORE}<NextKeyMarker>a/x</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>${upload('a/x')}`,
  ],
])('ends a listing of uploads with %s', async (_what, inner) => {
  const { store } = await scriptedStore([uploads(inner)]);
  const listed = Array.fromAsync(store.listUploads('a/'));
  await expect(listed).rejects.toMatchObject({ code: 'BadListing', retryable: false });
});

it('does not take an answer of another kind for an empty listing', async () => {
  const { store } = await scriptedStore([(response) => response.end('<html>Welcome</html>')]);
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'BadListing' });
  await expect(Array.fromAsync(store.listUploads(''))).rejects.toMatchObject({ code: 'BadListing' });
});

it('does not take a listing that was cut off for a whole one', async () => {
  const { store } = await scriptedStore([
    (response) => {
      const answer = `<ListBucketResult><IsTruncated>false</IsTruncated>${object('a/x')}`;
      response.socket?.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${answer}`);
    },
  ]);
  await expect(Array.fromAsync(store.list('a/'))).rejects.toMatchObject({ code: 'BadListing' });
});

it('goes on after a page of uploads from both markers', async () => {
  const { store, seen } = await scriptedStore([
    uploads(
      `${MORE}${ENCODED}<NextKeyMarker>a/x+y</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker>${upload('a/x+y', 'u1')}`,
    ),
    uploads(`${ENCODED}${upload('a/z', 'u2')}`),
  ]);
  const open = await Array.fromAsync(store.listUploads('a/'));
  expect(open.map(({ key, uploadId }) => [key, uploadId])).toEqual([
    ['a/x y', 'u1'],
    ['a/z', 'u2'],
  ]);
  const next = new URL(seen[1]?.url ?? '', 'http://b');
  expect(next.searchParams.get('key-marker')).toBe('a/x y');
  expect(next.searchParams.get('upload-id-marker')).toBe('u1');
});

it('finds uploads below a prefix on a store that knows only whole keys and whole buckets', async () => {
  const { store } = await scriptedStore([
    (response, { url }) =>
      uploads(url?.includes('prefix=&') ? upload('a/x') + upload('b/y') : '')(response, {} as never),
  ]);
  expect((await Array.fromAsync(store.listUploads('a/'))).map(({ key }) => key)).toEqual(['a/x']);
  expect(await Array.fromAsync(store.listUploads('c/'))).toEqual([]);
});
