/** What the client makes of answers, good and bad. */
import { expect, it } from 'vitest';
import { answerAtLength, poolAt, rawServer, request, stalled } from './raw-server.ts';

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

async function ask(answer: string, method = 'GET', { close = false } = {}) {
  const server = await rawServer((socket) => {
    socket.write(Buffer.from(answer, 'latin1'));
    if (close) socket.end();
  });
  const { status, body } = await poolAt(server.origin).request(request(method));
  return { status, text: await body.text() };
}

it.each([
  ['with a length', ok('hello')],
  ['in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
  [
    'after interim ones',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${ok('hello')}`,
  ],
])(
  'reads an answer %s that comes byte by byte, and the next one on the same connection',
  async (_how, answer) => {
    const server = await rawServer(async (socket) => {
      for (const character of answer) {
        await new Promise<unknown>((resolve) => socket.write(character, 'latin1', resolve));
      }
    });
    const pool = poolAt(server.origin);
    for (let turn = 0; turn < 2; turn++) {
      const { status, body } = await pool.request(request('GET'));
      expect([status, await body.text()]).toEqual([200, 'hello']);
    }
    expect(server.sockets).toHaveLength(1);
  },
);

it.each([
  ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'],
  ['DELETE', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'],
])('waits for no body of %s answered with %j', async (method, answer) => {
  expect((await ask(answer, method)).text).toBe('');
});

it('reads a body without a length until the connection ends', async () => {
  expect(await ask('HTTP/1.1 200 OK\r\n\r\nhello', 'GET', { close: true })).toEqual({
    status: 200,
    text: 'hello',
  });
});

it('takes another connection after an answer that says so', async () => {
  const server = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  const pool = poolAt(server.origin);
  for (let turn = 0; turn < 2; turn++) await pool.request(request('GET'));
  expect(server.sockets).toHaveLength(2);
});

it.each([
  ['garbage', '\u0000\u0001\u0002\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(70_000)}`],
  ['interim answers without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20)],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n'],
])('refuses %s', async (_what, answer) => {
  await expect(ask(answer)).rejects.toMatchObject({ code: 'EPROTO' });
});

it.each([
  ['a body cut short', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort', 'ECONNRESET'],
  ['chunks cut short', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel', 'ECONNRESET'],
  ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello!\r\n', 'EPROTO'],
  ['a head cut short', 'HTTP/1.1 200 OK\r\ncontent-le', 'ECONNRESET'],
  ['no answer at all', '', 'ECONNRESET'],
])('does not take %s for an answer', async (_what, answer, code) => {
  await expect(ask(answer, 'GET', { close: true })).rejects.toMatchObject({ code });
});

it('never gives the bytes after one answer to the next request', async () => {
  const server = await rawServer((socket) => socket.write(`${ok('mine')}${ok('planted')}`));
  const pool = poolAt(server.origin);
  for (let turn = 0; turn < 2; turn++) {
    const { body } = await pool.request(request('GET'));
    expect(await body.text()).toBe('mine');
  }
  expect(server.sockets).toHaveLength(2);
});

it('never takes what a server says unasked for an answer', async () => {
  const server = await rawServer((socket) => socket.write(ok('mine')));
  const pool = poolAt(server.origin);
  await (await pool.request(request('GET'))).body.text();
  const [first] = server.sockets;
  const closed = new Promise((resolve) => first?.once('close', resolve));
  first?.write(ok('planted'));
  await closed;
  expect(await (await pool.request(request('GET'))).body.text()).toBe('mine');
  expect(server.sockets).toHaveLength(2);
});

it('keeps no more of a body than its reader can take, and gives all of it in the end', async () => {
  const content = Buffer.alloc(64 * 1024 * 1024, 'abcdefg');
  const server = await rawServer((socket) => answerAtLength(socket, content));
  const { body } = await poolAt(server.origin).request(request('GET'));
  // What is not there waits here, or in the buffers of the kernel.
  expect(await stalled(server.sockets[0])).toBeGreaterThan(content.length / 2);
  let seen = 0;
  for await (const piece of body) {
    expect(piece.equals(content.subarray(seen, seen + piece.length))).toBe(true);
    seen += piece.length;
  }
  expect(seen).toBe(content.length);
});

it('ends the connection of a reader who leaves, and asks the next one on another', async () => {
  const server = await rawServer((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 24}\r\n\r\n`);
    socket.write(Buffer.alloc(2 ** 24));
  });
  const pool = poolAt(server.origin);
  for await (const _piece of (await pool.request(request('GET'))).body) break;
  await (await pool.request(request('GET'))).body.dump();
  expect(server.sockets).toHaveLength(2);
});
