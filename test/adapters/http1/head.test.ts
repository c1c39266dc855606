import { expect, it } from 'vitest';
import { parseHead } from '#adapters/http1/head.ts';

const head = (...lines: string[]) => lines.join('\r\n');

it('reads status, headers, the length of the body, and whether the connection stays', () => {
  const text = head('HTTP/1.1 200 OK', 'ETag: "e"', 'x-amz-meta-a:\t two words ', 'Content-Length: 12');
  expect(parseHead(text, 'GET')).toEqual({
    status: 200,
    headers: { etag: '"e"', 'x-amz-meta-a': 'two words', 'content-length': '12' },
    body: 12,
    keepAlive: true,
  });
});

it('takes a status without a reason, a header without a value, and one that comes twice', () => {
  const { status, headers } = parseHead(head('HTTP/1.1 404', 'a:', 'b: 1', 'B: 2'), 'GET');
  expect([status, headers]).toEqual([404, { a: '', b: '1, 2' }]);
});

it('keeps every byte of a value, also one that JavaScript takes for a space', () => {
  const bytes = Buffer.from('voilà', 'utf8').toString('latin1');
  expect(parseHead(head('HTTP/1.1 200 OK', `a: ${bytes}`), 'GET').headers.a).toBe(bytes);
});

it.each<[string, string, string[], number | string]>([
  ['GET', '200 OK', ['transfer-encoding: Chunked'], 'chunked'],
  ['GET', '200 OK', [], 'until-close'],
  ['GET', '204 No Content', ['content-length: 3'], 0],
  ['GET', '304 Not Modified', ['content-length: 3'], 0],
  ['HEAD', '200 OK', ['content-length: 3'], 0],
  ['HEAD', '200 OK', ['transfer-encoding: chunked'], 0],
])('knows how long the body is of %s %s with %j', (method, status, lines, body) => {
  expect(parseHead(head(`HTTP/1.1 ${status}`, ...lines), method).body).toBe(body);
});

it.each([
  ['HTTP/1.1 200 OK', ['connection: close'], false],
  ['HTTP/1.1 200 OK', ['Connection: Keep-Alive'], true],
  ['HTTP/1.0 200 OK', [], false],
])('knows of %s with %j whether the connection stays', (status, lines, keepAlive) => {
  expect(parseHead(head(status, ...lines), 'HEAD').keepAlive).toBe(keepAlive);
});

it.each([
  ['another protocol', ['SSH-2.0-OpenSSH_9.2']],
  ['another version', ['HTTP/2 200']],
  ['a status of two digits', ['HTTP/1.1 20 OK']],
  ['a line without a colon', ['HTTP/1.1 200 OK', 'etag']],
  ['a name with a space', ['HTTP/1.1 200 OK', 'content-length : 3']],
  ['a line that continues the one before', ['HTTP/1.1 200 OK', 'a: 1', ' b: 2']],
  ['a line feed within a value', ['HTTP/1.1 200 OK', 'a: 1\ncontent-length: 3']],
  ['a NUL', ['HTTP/1.1 200 OK', 'a: \0']],
  ['two lengths', ['HTTP/1.1 200 OK', 'content-length: 3', 'content-length: 4']],
  ['a length that is no number', ['HTTP/1.1 200 OK', 'content-length: 3a']],
  ['a negative length', ['HTTP/1.1 200 OK', 'content-length: -3']],
  ['a length and chunks', ['HTTP/1.1 200 OK', 'content-length: 3', 'transfer-encoding: chunked']],
  ['an encoding that was not asked for', ['HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked']],
])('refuses %s', (_what, lines) => {
  expect(() => parseHead(head(...lines), 'GET')).toThrow(expect.objectContaining({ code: 'EPROTO' }));
});
