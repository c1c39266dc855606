/**
 * The examples that AWS publishes for S3:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { expect, it } from 'vitest';
import { createSigner, EMPTY_SHA256, encodePath, encodeQuery, sha256 } from '#adapters/s3/sigv4.ts';

const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const atMs = Date.parse('2013-05-24T00:00:00Z');
const host = 'examplebucket.s3.amazonaws.com';
const welcome = sha256('Welcome to Amazon S3.');

const get = (query: Record<string, string>, headers: Record<string, string> = {}, path = '/') => ({
  method: 'GET',
  path,
  query,
  headers: { host, 'x-amz-content-sha256': EMPTY_SHA256, ...headers },
  payloadHash: EMPTY_SHA256,
});

it.each([
  [
    'GET Object',
    get({}, { range: 'bytes=0-9' }, '/test.txt'),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'PUT Object',
    {
      method: 'PUT',
      path: encodePath('/test$file.text'),
      query: {},
      headers: {
        host,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': welcome,
      },
      payloadHash: welcome,
    },
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'GET Bucket Lifecycle',
    get({ lifecycle: '' }),
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'List Objects',
    get({ prefix: 'J', 'max-keys': '2' }),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
])('signs %s as AWS publishes it', (_name, request, signature) => {
  const signed = createSigner('us-east-1')(request, credentials, atMs);
  expect(signed.authorization).toContain(`Signature=${signature}`);
});

it('does not keep a key of another day or secret', () => {
  const sign = createSigner('us-east-1');
  const request = get({});
  const first = sign(request, credentials, atMs).authorization;
  expect(sign(request, credentials, atMs + 86_400_000).authorization).not.toBe(first);
  expect(sign(request, { ...credentials, secretAccessKey: 'x' }, atMs).authorization).not.toBe(first);
  expect(sign(request, credentials, atMs).authorization).toBe(first);
});

it('encodes once, keeps slashes and never normalises', () => {
  expect(encodePath("a//b/../c d+e%'(x)*!~é")).toBe('a//b/../c%20d%2Be%25%27%28x%29%2A%21~%C3%A9');
  expect(encodeQuery({ b: 'x y', a: '/' })).toBe('a=%2F&b=x%20y');
});
