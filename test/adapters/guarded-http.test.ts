import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createGuardedHttp, type GuardedHttpOptions } from '#adapters/guarded-http.ts';
import { SyncError } from '#core/errors.ts';
import { httpService } from '../doubles/http-service.ts';

function client(options: Partial<GuardedHttpOptions> = {}) {
  const slept: number[] = [];
  const clock = { sleep: async (delayMs: number) => void slept.push(delayMs), random: () => 0.5 };
  const http = createGuardedHttp({ allowPrivate: true, timeoutMs: 10_000, clock, ...options });
  onTestFinished(() => http.close());
  return { http, slept };
}

/** A certificate for this host that it has signed itself, with its key. */
function selfSigned(): { key: string; cert: string } {
  const command =
    'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=self -addext subjectAltName=IP:127.0.0.1';
  const both = execFileSync('openssl', [...command.split(' '), '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { key: both, cert: both };
}

const post = (url: string) => ({ op: 'tell', key: 'k', method: 'POST' as const, url });

describe('a guarded call', () => {
  it('answers what the service says, and reuses connections', async () => {
    const sockets = new Set<unknown>();
    const service = await httpService(async (request, response) => {
      sockets.add(request.socket);
      for await (const _chunk of request);
      response.end(`you sent ${request.headers['content-length']}`);
    });
    const { http } = client();
    for (let index = 0; index < 10; index++) {
      const answer = await http.send({ ...post(`${service.url}/a?b=c`), body: Buffer.from('four') });
      expect(answer).toEqual({ status: 200, text: 'you sent 4' });
    }
    expect(service.requests[0]).toBe('POST /a?b=c');
    // A second one, when a call begins before the first is quite done with the one before.
    expect(sockets.size).toBeLessThan(3);
  });

  it('tries again after 500, 503 and 429, each time later, and signs each try anew', async () => {
    const signed: unknown[] = [];
    const service = await httpService((request, response, nth) => {
      signed.push(request.headers['x-try']);
      response.writeHead([500, 503, 429, 200][nth] ?? 200).end();
    });
    const { http, slept } = client({ retry: { attempts: 4, baseDelayMs: 100, maxDelayMs: 10_000 } });
    let tries = 0;
    await http.send({ ...post(service.url), sign: async () => ({ 'x-try': String(tries++) }) });
    expect(signed).toEqual(['0', '1', '2', '3']);
    expect(slept).toEqual([50, 100, 200]);
  });

  it('gives up after its tries with an error that can be tried later', async () => {
    const service = await httpService((_request, response) => {
      response.writeHead(503).end('down for maintenance');
    });
    await expect(client().http.send(post(service.url))).rejects.toMatchObject({
      name: 'SyncError',
      op: 'tell',
      key: 'k',
      retryable: true,
      code: 'HTTP 503',
      message: expect.stringContaining('down for maintenance'),
    });
    expect(service.requests).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 409, 422])('does not try again what is answered with %i', async (status) => {
    const service = await httpService((_request, response) => {
      response.writeHead(status).end();
    });
    await expect(client().http.send(post(service.url))).rejects.toMatchObject({ retryable: false });
    expect(service.requests).toHaveLength(1);
  });

  it.each([301, 302, 303, 307, 308])(
    'refuses the redirect %i, and sends nothing to where it leads',
    async (status) => {
      const trap = await httpService((_request, response) => {
        response.end();
      });
      const service = await httpService((_request, response) => {
        response.writeHead(status, { location: trap.url }).end();
      });
      await expect(client().http.send(post(service.url))).rejects.toMatchObject({
        code: 'Redirect',
        retryable: false,
        message: expect.stringContaining(trap.url),
      });
      expect(trap.requests).toEqual([]);
    },
  );

  it.each([
    ['a service that never answers', () => undefined],
    [
      'an answer that never ends',
      (_request: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write('.'), 10);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('does not wait for %s', async (_what, answer) => {
    const service = await httpService(answer);
    const { http } = client({ timeoutMs: 200, retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 1 } });
    await expect(http.send(post(service.url))).rejects.toMatchObject({ retryable: true });
  });

  it('does not wait for a connection that is never made', async () => {
    const mute = createServer(() => undefined);
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    onTestFinished(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    const { http } = client({ connectTimeoutMs: 50, retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 1 } });
    await expect(http.send(post(`https://127.0.0.1:${port}`))).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
      retryable: true,
    });
  });

  it('trusts no certificate that nobody has signed, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const service = createTlsServer(selfSigned(), (_request, response) => void response.end());
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    onTestFinished(() => void service.close());
    const { port } = service.address() as AddressInfo;
    await expect(client().http.send(post(`https://127.0.0.1:${port}`))).rejects.toMatchObject({
      retryable: false,
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });

  it('reads no more of an answer than it needs', async () => {
    const service = await httpService((_request, response) => {
      // And never ends.
      response.write('x'.repeat(1_000_000));
    });
    expect((await client().http.send(post(service.url))).text).toHaveLength(64 * 1024);
  });

  it('can be tried again when nobody listens', async () => {
    const service = await httpService(() => undefined);
    const { http } = client();
    await expect(http.send(post('http://127.0.0.1:1'))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      retryable: true,
    });
    expect(service.requests).toEqual([]);
  });

  it('refuses a URL with a password, without repeating it', async () => {
    const refused = client().http.send(post('http://user:geheim@127.0.0.1:1/'));
    await expect(refused).rejects.toMatchObject({ code: 'BadUrl', retryable: false });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('geheim') });
  });
});

describe('a private address', () => {
  it.each([
    ['as it is', (port: number) => `http://127.0.0.1:${port}`],
    ['as one number', (port: number) => `http://2130706433:${port}`],
    ['as an octal', (port: number) => `http://0177.0.0.1:${port}`],
    ['mapped into IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${port}`],
    ['as a name', (port: number) => `http://localhost:${port}`],
  ])('is not called, %s', async (_how, urlOf) => {
    const service = await httpService((_request, response) => {
      response.end();
    });
    const { http } = client({ allowPrivate: false });
    await expect(http.send(post(urlOf(service.port)))).rejects.toMatchObject({
      code: 'PrivateAddress',
      retryable: false,
      hint: expect.stringContaining('allowPrivate'),
    });
    expect(service.requests).toEqual([]);
  });

  it('is not called when any of the addresses of a name is one', async () => {
    const service = await httpService((_request, response) => {
      response.end();
    });
    const { http } = client({
      allowPrivate: false,
      lookup: (_host, _options, callback) =>
        callback(null, [
          { address: '8.8.8.8', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    });
    await expect(http.send(post(`http://files.example:${service.port}`))).rejects.toMatchObject({
      code: 'PrivateAddress',
    });
    expect(service.requests).toEqual([]);
  });

  it('is not called when the name server gives it only when it is asked again', async () => {
    const service = await httpService((_request, response) => {
      response.end();
    });
    const answers = ['127.0.0.1', '10.0.0.1'];
    let asked = 0;
    const { http } = client({
      allowPrivate: false,
      lookup: (_host, _options, callback) => {
        callback(null, [{ address: answers[asked++] ?? '127.0.0.1', family: 4 }]);
      },
    });
    for (let index = 1; index <= 2; index++) {
      const call = http.send(post(`http://rebind.example:${service.port}`));
      await expect(call).rejects.toMatchObject({ code: 'PrivateAddress' });
      // The address that was checked is the one that would have been connected to: nobody asks twice.
      expect(asked).toBe(index);
    }
    expect(service.requests).toEqual([]);
  });

  it('is called where that is allowed', async () => {
    const service = await httpService((_request, response) => {
      response.end();
    });
    await client({ allowPrivate: true }).http.send(post(`http://localhost:${service.port}`));
    expect(service.requests).toHaveLength(1);
  });
});

describe('a streamed body', () => {
  const PIECE = Buffer.alloc(64 * 1024, 'x');
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < count; index++) yield PIECE;
  }

  it('is opened anew for each try', async () => {
    const received: number[] = [];
    const service = await httpService(async (request, response, nth) => {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      received.push(bytes);
      response.writeHead(nth === 0 ? 500 : 200).end();
    });
    const body = { sizeBytes: 3 * PIECE.length, open: () => pieces(3) };
    await client().http.send({ ...post(service.url), body });
    expect(received).toEqual([body.sizeBytes, body.sizeBytes]);
  });

  it('that is shorter than announced is no success', async () => {
    const service = await httpService(async (request, response) => {
      for await (const _chunk of request);
      response.end();
    });
    const body = { sizeBytes: 3 * PIECE.length, open: () => pieces(2) };
    await expect(client().http.send({ ...post(service.url), body })).rejects.toThrow();
  });

  it.each([
    ['an error of a store', new SyncError('gone', { op: 'GetObject', retryable: false, code: 'NoSuchKey' })],
    ['any other error', new TypeError('a bug')],
  ])('that its source breaks off with %s throws just that, once', async (_what, broken) => {
    const service = await httpService(() => undefined);
    let opened = 0;
    async function* open(): AsyncGenerator<Uint8Array> {
      opened++;
      yield PIECE;
      throw broken;
    }
    const call = client().http.send({ ...post(service.url), body: { sizeBytes: 9e6, open } });
    await expect(call).rejects.toBe(broken);
    expect(opened).toBe(1);
  });

  it('is not taken for kept by a service that answers before it has read all of it', async () => {
    const service = await httpService((_request, response) => {
      response.end('fine');
    });
    const body = { sizeBytes: 500 * PIECE.length, open: () => pieces(500) };
    await expect(client().http.send({ ...post(service.url), body })).rejects.toMatchObject({
      retryable: true,
    });
  });

  it('may wait for its source as long as that takes', async () => {
    const service = await httpService(async (request, response) => {
      for await (const _chunk of request);
      response.end();
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    async function* open(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 3; index++) {
        await vi.advanceTimersByTimeAsync(3_600_000);
        yield PIECE;
      }
    }
    const { http } = client({ timeoutMs: 5_000 });
    const answer = await http.send({ ...post(service.url), body: { sizeBytes: 3 * PIECE.length, open } });
    expect(answer.status).toBe(200);
  });

  it('is given up when the service reads it no further', async () => {
    const service = await httpService((request) => {
      request.pause();
    });
    const { http } = client({ timeoutMs: 200, retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 1 } });
    const body = { sizeBytes: 5000 * PIECE.length, open: () => pieces(5000) };
    await expect(http.send({ ...post(service.url), body })).rejects.toMatchObject({ retryable: true });
  });
});
