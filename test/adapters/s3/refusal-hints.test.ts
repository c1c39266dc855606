/** What somebody is told who has to find out why a store refuses. */
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { errorAnswer, scriptedStore } from './scripted-server.ts';

const key = objectKey('k');

it('names all that can be wrong when a HEAD is refused, for which S3 gives no reason', async () => {
  const { store } = await scriptedStore([errorAnswer(403, 'SignatureDoesNotMatch')]);
  await expect(store.head(key)).rejects.toMatchObject({
    code: 'AccessDenied',
    retryable: false,
    hint: expect.stringMatching(/access key and the secret key.*s3:GetObject.*s3:ListBucket/),
  });
});

it.each([
  ['SignatureDoesNotMatch', 'secret key'],
  ['InvalidAccessKeyId', 'does not know this access key'],
  ['AccessDenied', 'policy'],
  ['AuthorizationHeaderMalformed', 'region'],
])('says of %s what to check, where the store gives it as the reason', async (code, hint) => {
  const { store } = await scriptedStore([errorAnswer(403, code)]);
  await expect(store.get(key)).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) });
});

it('repeats the words of a server that does not speak S3, and asks for https where plain HTTP is refused', async () => {
  const words = 'Client sent an HTTP request to an HTTPS server.';
  const { store } = await scriptedStore([(response) => response.writeHead(400).end(words)]);
  const hint = expect.stringContaining('https:// instead of http://');
  await expect(store.get(key)).rejects.toMatchObject({ message: expect.stringContaining(words), hint });
  await expect(store.head(key)).rejects.toMatchObject({
    message: expect.stringContaining('status 400'),
    hint,
  });
});

it('repeats no page of a proxy', async () => {
  const page = '<html>Bad request</html>';
  const { store } = await scriptedStore([(response) => response.writeHead(400).end(page)]);
  await expect(store.get(key)).rejects.toMatchObject({
    message: expect.stringMatching(/HTTP 400: status 400$/),
  });
});
