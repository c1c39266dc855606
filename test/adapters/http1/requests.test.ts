/** How requests travel: their bodies, and what happens to them when the other side does not play along. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type Connection, type ConnectionOptions, openConnection } from '#adapters/http1/connection.ts';
import { answerAtLength, poolAt, rawServer, request, stalled } from './raw-server.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const large = Buffer.from(Array.from({ length: 3_000_001 }, (_, index) => index % 251));

it.each([
  ['small', large.subarray(0, 100)],
  ['large', large],
])('sends a %s body as it is', async (_size, body) => {
  const requests: string[] = [];
  const server = await rawServer((socket, text) => {
    requests.push(text);
    socket.write(OK);
  });
  const sent = request('PUT', { body });
  expect((await poolAt(server.origin).request(sent)).status).toBe(200);
  expect(requests[0] === sent.head + body.toString('latin1')).toBe(true);
});

/** Answers the head of the request, before its body has come. */
async function hastyServer(answer: string): Promise<{ origin: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

const huge = Buffer.alloc(64 * 1024 * 1024);

it('hears a refusal that comes before the body is sent, sends no more of it, and leaves the connection', async () => {
  const server = await hastyServer('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
  const pool = poolAt(server.origin);
  for (let turn = 0; turn < 2; turn++) {
    const { status, body } = await pool.request(request('PUT', { body: huge }));
    expect([status, await body.text()]).toEqual([403, 'no']);
  }
  expect(server.sockets).toHaveLength(2);
});

it('does not believe that a body was taken before it was sent', async () => {
  const server = await hastyServer(OK);
  await expect(poolAt(server.origin).request(request('PUT', { body: huge }))).rejects.toMatchObject({
    code: 'EPROTO',
  });
});

it('asks again at once when the server had closed a connection that was used again', async () => {
  let closing = true;
  const server = await rawServer((socket, text) => {
    if (!text.startsWith('GET')) socket.write(OK);
    else if (closing) {
      closing = false;
      socket.resetAndDestroy();
    } else socket.write(OK);
  });
  const pool = poolAt(server.origin);
  await pool.request(request('PUT'));
  expect((await pool.request(request('GET'))).status).toBe(200);
  expect(server.sockets).toHaveLength(2);
});

it('tells of a reset where it cannot know that nothing was done', async () => {
  const server = await rawServer((socket, text) => {
    if (text.startsWith('PUT')) return void socket.write(OK);
    socket.write('HTTP/1.1 200', () => socket.resetAndDestroy());
  });
  const pool = poolAt(server.origin);
  await expect(pool.request(request('GET'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  await pool.request(request('PUT'));
  await expect(pool.request(request('GET'))).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('gives up a server that does not answer, and one that falls silent within an answer', async () => {
  const silent = await rawServer(() => undefined);
  await expect(poolAt(silent.origin).request(request('GET', { answerWithinMs: 50 }))).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: 'no answer within 0.1 s',
  });
  const halting = await rawServer((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
  );
  const { body } = await poolAt(halting.origin, { idleWithinMs: 50 }).request(request('GET'));
  await expect(body.text()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

it('gives up a server with which no connection comes about', async () => {
  const server = await rawServer(() => undefined);
  const pool = poolAt(server.origin.replace('http:', 'https:'), { connectWithinMs: 50 });
  await expect(pool.request(request('GET'))).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' });
});

/** A connection whose clock the test moves, and what became of it. */
function connectionTo(port: number, options: Partial<ConnectionOptions> = {}) {
  const closed: Connection[] = [];
  const connection = openConnection({
    host: '127.0.0.1',
    port,
    tls: false,
    connectWithinMs: 1000,
    idleWithinMs: 1000,
    onIdle: () => connection.destroy(),
    onClose: (one) => closed.push(one),
    ...options,
  });
  onTestFinished(() => connection.destroy());
  return { connection, closed, anHourLater: () => connection.check(performance.now() + 3_600_000) };
}

it('does not take its own reader, who is slow, for a silent server', async () => {
  const server = await rawServer((socket) => answerAtLength(socket, huge));
  const { connection, closed, anHourLater } = connectionTo(server.port);
  const { body } = await connection.send(request('GET'));
  await stalled(server.sockets[0]);
  anHourLater();
  expect(closed).toEqual([]);
  let seen = 0;
  for await (const piece of body) seen += piece.length;
  expect(seen).toBe(huge.length);
});

it('does not take waiting for its own limit for a silent server', async () => {
  const waits: (() => void)[] = [];
  const allowance = { pieceBytes: 4, take: () => new Promise<void>((resolve) => waits.push(resolve)) };
  const server = await rawServer(() => undefined);
  const { connection, closed, anHourLater } = connectionTo(server.port, { allowance });
  const answer = connection.send(request('PUT', { body: Buffer.from('hello') }));
  const gaveUp = expect(answer).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  for (const turn of [0, 1]) {
    await expect.poll(() => waits.length).toBe(turn + 1);
    anHourLater();
    expect(closed).toEqual([]);
    waits[turn]?.();
  }
  await expect.poll(() => server.heard()).toContain('hello');
  anHourLater();
  await gaveUp;
});

it('ends a request, and an answer that is being read, when it is told to', async () => {
  const server = await rawServer((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
  );
  const pool = poolAt(server.origin);
  const stop = new AbortController();
  const { body } = await pool.request(request('GET', { signal: stop.signal }));
  const reading = body.text();
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
  await expect(pool.request(request('GET', { signal: stop.signal }))).rejects.toThrow('enough');
});

it('does not end a later request of the same connection', async () => {
  const server = await rawServer((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhalf'),
  );
  const pool = poolAt(server.origin);
  const stop = new AbortController();
  await (await pool.request(request('GET', { signal: stop.signal }))).body.text();
  const second = pool.request(request('GET'));
  stop.abort();
  expect(await (await second).body.text()).toBe('half');
  expect(server.sockets).toHaveLength(1);
});

it('answers what is in work before it closes, and nothing afterwards', async () => {
  const server = await rawServer((socket) => socket.write(OK));
  const pool = poolAt(server.origin);
  const working = pool.request(request('GET'));
  const closing = pool.close();
  expect((await working).status).toBe(200);
  await closing;
  await expect(pool.request(request('GET'))).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('does not keep a process alive that waits for nothing, and does while it waits', async () => {
  let asked = 0;
  const server = await rawServer((socket) => {
    asked++;
    setImmediate(() => socket.write(OK));
  });
  const script = `
    const { createPool } = await import('#adapters/http1/pool.ts');
    const pool = createPool({ origin: '${server.origin}', connectWithinMs: 10000, idleWithinMs: 10000 });
    const head = 'GET / HTTP/1.1\\r\\nhost: h\\r\\n\\r\\n';
    pool.request({ method: 'GET', head, body: new Uint8Array(), answerWithinMs: 10000 }).then(({ status }) => console.log(status));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([Array.fromAsync(child.stdout), once(child, 'close')]);
  expect([code, Buffer.concat(output).toString().trim(), asked]).toEqual([0, '200', 1]);
});
