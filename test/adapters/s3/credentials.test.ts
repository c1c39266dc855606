import { inspect } from 'node:util';
import { expect, it, vi } from 'vitest';
import { type CredentialSource, cachedCredentials, fixedCredentials } from '#adapters/s3/credentials.ts';
import { objectKey } from '#core/key.ts';
import { errorAnswer, type SeenRequest, scriptedStore } from './scripted-server.ts';

const MINUTE_MS = 60_000;
const key = objectKey('k');
const named = (accessKeyId: string, leftMs?: number) => ({
  accessKeyId,
  secretAccessKey: `secret of ${accessKeyId}`,
  ...(leftMs === undefined ? {} : { expiration: new Date(leftMs) }),
});
const idOf = async (source: CredentialSource) => (await source()).accessKeyId;
const signers = (seen: readonly SeenRequest[]) =>
  seen.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1]);

it('loads once for all who ask at the same time, and keeps what it has', async () => {
  const load = vi.fn(async () => named('id'));
  const source = cachedCredentials(load);
  await Promise.all([source(), source(), source()]);
  await source();
  expect(load).toHaveBeenCalledTimes(1);
});

it('does not keep a failure', async () => {
  const load = vi.fn(async () => named('id')).mockRejectedValueOnce(new Error('not yet'));
  const source = cachedCredentials(load);
  await expect(source()).rejects.toThrow('not yet');
  expect(await idOf(source)).toBe('id');
});

it('renews five minutes before expiry, and waits between tries while there is nothing new', async () => {
  let nowMs = 0;
  const load = vi.fn(async () => named('old', 60 * MINUTE_MS));
  const source = cachedCredentials(load, () => nowMs);
  await source();
  nowMs = 54 * MINUTE_MS;
  await source();
  expect(load).toHaveBeenCalledTimes(1);
  nowMs = 56 * MINUTE_MS;
  for (let asked = 0; asked < 10; asked++) expect(await idOf(source)).toBe('old');
  expect(load).toHaveBeenCalledTimes(2);
  load.mockImplementation(async () => named('new', 120 * MINUTE_MS));
  nowMs = 57 * MINUTE_MS;
  expect(await idOf(source)).toBe('new');
});

it('goes on with what is still valid when the source fails, and not a moment longer', async () => {
  let nowMs = 0;
  const load = vi.fn(async () => named('id', 60 * MINUTE_MS));
  const source = cachedCredentials(load, () => nowMs);
  await source();
  load.mockRejectedValue(new Error('source is down'));
  nowMs = 59 * MINUTE_MS;
  expect(await idOf(source)).toBe('id');
  nowMs = 61 * MINUTE_MS;
  await expect(source()).rejects.toThrow('source is down');
});

it.each(['ExpiredToken', 'InvalidAccessKeyId', 'InvalidToken', 'SignatureDoesNotMatch'])(
  'tries %s once more with the credentials that came meanwhile',
  async (code) => {
    let loads = 0;
    const { store, seen } = await scriptedStore(
      [errorAnswer(403, code), (response) => response.writeHead(204).end()],
      { credentials: cachedCredentials(async () => named(`id${++loads}`)) },
    );
    await store.delete(key);
    expect(signers(seen)).toEqual(['id1', 'id2']);
  },
);

it.each([400, 403])('also a HEAD that is answered %d, which does not say why', async (status) => {
  let loads = 0;
  const { store, seen } = await scriptedStore(
    [(response) => response.writeHead(status).end(), (response) => response.setHeader('etag', '"e"').end()],
    { credentials: cachedCredentials(async () => named(`id${++loads}`)) },
  );
  expect(await store.head(key)).toMatchObject({ etag: 'e' });
  expect(signers(seen)).toEqual(['id1', 'id2']);
});

it('tries no third time', async () => {
  let loads = 0;
  const { store, seen } = await scriptedStore([errorAnswer(403, 'InvalidAccessKeyId')], {
    credentials: cachedCredentials(async () => named(`id${++loads}`)),
  });
  await expect(store.delete(key)).rejects.toMatchObject({ code: 'InvalidAccessKeyId' });
  expect(signers(seen)).toEqual(['id1', 'id2']);
});

it('leaves the error as it was where the source has the same again, and does not ask it for each request', async () => {
  const load = vi.fn(async () => named('id'));
  const { store, seen } = await scriptedStore([errorAnswer(403, 'InvalidAccessKeyId')], {
    credentials: cachedCredentials(load),
  });
  for (let request = 0; request < 5; request++) {
    await expect(store.delete(key)).rejects.toMatchObject({ code: 'InvalidAccessKeyId' });
  }
  expect(seen).toHaveLength(5);
  expect(load).toHaveBeenCalledTimes(2);
});

it('asks the source once for all requests that were refused together', async () => {
  let loads = 0;
  const { store } = await scriptedStore(
    [
      (response, request) =>
        request.headers.authorization?.includes('Credential=id1/')
          ? errorAnswer(403, 'ExpiredToken')(response, request)
          : response.writeHead(204).end(),
    ],
    { credentials: cachedCredentials(async () => named(`id${++loads}`)) },
  );
  await Promise.all(Array.from({ length: 20 }, (_, index) => store.delete(objectKey(`k${index}`))));
  expect(loads).toBe(2);
});

it('shows no secret in a refusal, whatever is printed of it', async () => {
  const credentials = fixedCredentials({
    accessKeyId: 'id',
    secretAccessKey: 'canary-secret',
    sessionToken: 'canary-token',
  });
  for (const answer of [errorAnswer(403, 'SignatureDoesNotMatch'), errorAnswer(500, 'InternalError')]) {
    const { store } = await scriptedStore([answer], { credentials });
    const failure: unknown = await store.delete(key).catch((caught: unknown) => caught);
    const printed = inspect(failure, { depth: null, showHidden: true }) + JSON.stringify(failure);
    expect(printed).toContain('SyncError');
    expect(printed).not.toContain('canary');
  }
  const { store } = await scriptedStore([(response) => response.socket?.destroy()], { credentials });
  const broken: unknown = await store.delete(key).catch((caught: unknown) => caught);
  expect(inspect(broken, { depth: null, showHidden: true })).not.toContain('canary');
});
