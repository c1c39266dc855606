import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { createReportSender } from '#adapters/report-http.ts';

interface Call {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Answers with these statuses, the last one for ever. */
async function endpoint(...statuses: number[]): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    calls.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    const status = statuses[Math.min(calls.length, statuses.length) - 1] ?? 200;
    response.writeHead(status, status === 307 ? { location: '/elsewhere' } : {});
    response.end('told');
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook?a=1`, calls };
}

function senderOf(url: string, signingKey?: () => Promise<string>, allowPrivate = true) {
  const clock = { sleep: async () => undefined, random: () => 0 };
  const settings = { url, allowPrivate, timeout: 2_000 };
  const sender = createReportSender(settings, signingKey, { clock, nowMs: () => 1_000_500 });
  onTestFinished(() => sender.close());
  return sender;
}

it('posts the result with its key, signed with the key of the secret', async () => {
  const { url, calls } = await endpoint(200);
  await senderOf(url, async () => 'key').send(Buffer.from('{"a":1}'), 'run-1');
  const [call] = calls;
  expect(call).toMatchObject({ method: 'POST', url: '/hook?a=1', body: '{"a":1}' });
  expect(call?.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': 'run-1' });
  const names = String(call?.headers['sluice-signed-headers']);
  expect(names.split(';')).toContain('idempotency-key');
  const lines = ['v1', '1000', 'POST', '/hook?a=1'].concat(
    names.split(';').map((name) => `${name}:${String(call?.headers[name])}`),
    createHash('sha256').update('{"a":1}').digest('hex'),
  );
  const signature = createHmac('sha256', 'key').update(lines.join('\n')).digest('hex');
  expect(call?.headers['sluice-signature']).toBe(`v1=${signature}`);
});

it('tries again with the same key when the endpoint is ill for a moment', async () => {
  const { url, calls } = await endpoint(503, 200);
  await senderOf(url).send(Buffer.from('{}'), 'run-1');
  expect(calls.map(({ headers }) => headers['idempotency-key'])).toEqual(['run-1', 'run-1']);
  expect(calls[0]?.headers).not.toHaveProperty('sluice-signature');
});

it.each([
  [500, true],
  [429, true],
  [400, false],
  [307, false],
])('says whether it is worth another try later: %i', async (status, retryable) => {
  const { url, calls } = await endpoint(status);
  await expect(senderOf(url).send(Buffer.from('{}'), 'r')).rejects.toMatchObject({ retryable });
  expect(calls.every((call) => call.url === '/hook?a=1')).toBe(true);
});

it('refuses an address of a private network, unless it is allowed', async () => {
  const { url, calls } = await endpoint(200);
  const guarded = senderOf(url, undefined, false);
  await expect(guarded.send(Buffer.from('{}'), 'r')).rejects.toMatchObject({ code: 'PrivateAddress' });
  expect(calls).toEqual([]);
});
