import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SyncError } from '#core/errors.ts';
import type { FolderView } from '../../edge-agent/folder.ts';
import { createLog } from '../../edge-agent/log.ts';
import { createPrometheus } from '../../edge-agent/prometheus.ts';
import { askStatus } from '../../edge-agent/status-client.ts';
import { startStatusServer } from '../../edge-agent/status-server.ts';
import { folderView } from './folder-view.ts';

const HOSTILE = `/srv/"><script>alert(1)</script>&'\n\u202e`;

interface Asked {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
}

async function statusServer(options: { listen?: string; views?: () => FolderView[] } = {}) {
  const listen = options.listen ?? socketPath();
  const views = options.views ?? (() => [folderView({})]);
  const log = createLog({ level: 'DEBUG', format: 'json' }, () => {}, false);
  const about = { agent: 'site-a', version: '1.2.3', startedMs: 0, logLines: log.lines };
  const metrics = createPrometheus(views, about);
  const calls: string[] = [];
  const server = await startStatusServer({
    listen,
    ...about,
    views,
    metrics,
    log,
    actions: {
      retry: ({ folder, bucket }) => calls.push(`retry ${folder ?? bucket}`),
      approveDeletes: ({ folder, bucket }) => calls.push(`approve ${folder ?? bucket}`),
    },
  });
  onTestFinished(() => server.close());
  const port = Number(/:(\d+)$/.exec(server.address)?.[1]);
  const where = Number.isNaN(port) ? { socketPath: server.address } : { host: '127.0.0.1', port };
  return { server, log, metrics, calls, ask: (asked: Asked = {}) => askFor(where, asked) };
}

function askFor(where: object, { method = 'GET', path = '/', headers = {} }: Asked) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const asked = request({ ...where, method, path, headers }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
      });
      asked.on('error', reject).end();
    },
  );
}

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-status-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'status.sock');
}

const TCP = '127.0.0.1:0';

it('tells as JSON what every folder does, and what went wrong last', async () => {
  const lastScan = { endedMs: 1_000, files: 7, directories: 2, errors: 0 };
  const { ask, metrics, log, server } = await statusServer({
    views: () => [folderView({ queued: 3, waiting: 2, lastScan })],
  });
  metrics.done('output', 'uploaded', 500);
  metrics.lag('output', 0.25);
  log.error('it broke', { key: 'a' });
  const { status, body, headers } = await ask({ path: '/status.json' });
  expect(status).toBe(200);
  expect(headers['cache-control']).toBe('no-store');
  const report = JSON.parse(body);
  expect(report).toMatchObject({
    agent: 'site-a',
    version: '1.2.3',
    startedAt: '1970-01-01T00:00:00.000Z',
    health: 'ok',
    folders: [
      {
        name: 'output',
        queued: 3,
        waiting: 2,
        bytes: 500,
        done: { uploaded: 1, failed: 0 },
        lagSeconds: 0.25,
        lastScan: { endedAt: '1970-01-01T00:00:01.000Z', files: 7, directories: 2, errors: 0 },
      },
    ],
    logLines: { ERROR: 1 },
    problems: [{ level: 'ERROR', text: 'it broke a' }],
  });
  expect(await askStatus(server.address)).toMatchObject({ agent: 'site-a', folders: [{ queued: 3 }] });
});

it('shows hostile names as text and never as markup', async () => {
  const { ask, log } = await statusServer({
    views: () => [folderView({ path: HOSTILE, prefix: HOSTILE, state: 'unavailable', reason: HOSTILE })],
  });
  log.warn('cannot read', { key: HOSTILE });
  const { body, headers } = await ask();
  expect(body).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;\\n\\u202e');
  expect(body.match(/<script/g)).toHaveLength(1);
  expect(body).not.toContain('\u202e');
  expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*script-src 'sha256-[^']+'/);
  const { folders } = JSON.parse((await ask({ path: '/status.json' })).body);
  expect(folders[0].path).toBe(HOSTILE);
});

it('is a whole page without scripts and without anything from elsewhere', async () => {
  const { ask } = await statusServer({ views: () => [folderView({ queued: 12_345, parked: 2 })] });
  const { body, headers } = await ask();
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(body).toContain('<th scope="row">output</th>');
  expect(body).toContain('12,345');
  expect(body).toContain('<span class="bad">2</span>');
  expect(body).toContain('prefers-color-scheme: dark');
  expect(body).not.toMatch(/(?:src|href)="(?!\/(?:status\.json|metrics|healthz)")/);
});

it.each([
  ['working', 200],
  ['starting', 200],
  ['unavailable', 503],
  ['held', 503],
  ['stopped', 503],
] as const)('says of the health of a folder that is %s: %i, with the reason', async (state, expected) => {
  const { ask } = await statusServer({
    views: () => [folderView({ name: 'fine' }), folderView({ name: 'odd', state, reason: 'why' })],
  });
  const { status, body } = await ask({ path: '/healthz' });
  expect(status).toBe(expected);
  const reasons = expected === 200 ? [] : [{ folder: 'odd', state, reason: 'why' }];
  expect(JSON.parse(body)).toEqual({ health: expected === 200 ? 'ok' : 'failing', reasons });
});

it('says that it cannot tell while the index fails, and goes on', async () => {
  let broken = true;
  const { ask, log } = await statusServer({
    views() {
      if (broken)
        throw new SyncError('the disk is full', { op: 'index', retryable: true, code: 'IndexFull' });
      return [];
    },
  });
  for (const path of ['/', '/status.json', '/healthz', '/metrics']) {
    expect(await ask({ path })).toMatchObject({
      status: 503,
      body: expect.stringContaining('the disk is full'),
    });
  }
  expect(log.lines.WARN).toBe(4);
  broken = false;
  expect((await ask()).status).toBe(200);
});

it('retries and approves over the socket, for folders that it has', async () => {
  const { ask, calls } = await statusServer();
  const post = (path: string) => ask({ method: 'POST', path });
  expect((await post('/retry')).status).toBe(202);
  expect((await post('/retry?folder=output')).status).toBe(202);
  expect((await post('/approve-deletes?folder=output')).status).toBe(202);
  expect((await post('/approve-deletes')).status).toBe(400);
  expect((await post('/retry?folder=other')).status).toBe(404);
  expect(calls).toEqual(['retry undefined', 'retry output', 'approve output']);
});

it('takes no order over a port, where every user and web page could give it', async () => {
  const { ask, calls } = await statusServer({ listen: TCP });
  expect((await ask({ method: 'POST', path: '/approve-deletes?folder=output' })).status).toBe(403);
  expect((await ask({ path: '/healthz' })).status).toBe(200);
  expect(calls).toEqual([]);
});

it('takes no order from a web page over a socket that was forwarded to a port', async () => {
  const { ask, calls } = await statusServer();
  for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
    expect((await ask({ method: 'POST', path: '/retry', headers })).status).toBe(403);
  }
  expect(calls).toEqual([]);
});

it.each([
  ['localhost', 200],
  ['LocalHost:8080', 200],
  ['127.0.0.1:9', 200],
  ['[::1]:9', 200],
  ['evil.example', 421],
  ['127.0.0.1.evil.example:80', 421],
  ['localhost.evil.example', 421],
])('asked as host %s, as a name rebound by DNS would be: %i', async (host, expected) => {
  const { ask } = await statusServer({ listen: TCP });
  expect((await ask({ path: '/status.json', headers: { host } })).status).toBe(expected);
});

it.each([
  ['GET', '/retry', 405],
  ['POST', '/', 405],
  ['DELETE', '/metrics', 405],
  ['GET', '/etc/passwd', 404],
  ['GET', '//evil.example/', 404],
  ['GET', '//[', 404],
  ['GET', '/status.json?folder=%ff&%', 200],
])('%s %s is %i', async (method, path, expected) => {
  const { ask } = await statusServer();
  expect((await ask({ method, path })).status).toBe(expected);
});

it('answers HEAD without a body', async () => {
  const { ask } = await statusServer();
  expect(await ask({ method: 'HEAD', path: '/metrics' })).toMatchObject({ status: 200, body: '' });
});

it('makes a socket that only its user can connect to, and removes it', async () => {
  const before = process.umask(0);
  onTestFinished(() => {
    process.umask(before);
  });
  const listen = socketPath();
  const { server } = await statusServer({ listen });
  expect(lstatSync(listen).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(0);
  await server.close();
  expect(existsSync(listen)).toBe(false);
});

it('replaces the socket of a killed agent', async () => {
  const listen = socketPath();
  const dead = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(listen)}, () => console.log('on'))`,
  ]);
  await once(dead.stdout, 'data');
  dead.kill('SIGKILL');
  await once(dead, 'close');
  expect(existsSync(listen)).toBe(true);
  const { ask } = await statusServer({ listen });
  expect((await ask({ path: '/healthz' })).status).toBe(200);
});

it('refuses the socket and the port of somebody who listens', async () => {
  const listen = socketPath();
  const first = await statusServer({ listen });
  await expect(statusServer({ listen })).rejects.toMatchObject({
    code: 'StatusAddress',
    message: expect.stringMatching(/is in use/),
  });
  expect((await first.ask({ path: '/healthz' })).status).toBe(200);
  const { server } = await statusServer({ listen: TCP });
  await expect(statusServer({ listen: server.address })).rejects.toMatchObject({
    message: expect.stringMatching(/is in use/),
  });
});

it('never removes what is no socket', async () => {
  const listen = socketPath();
  writeFileSync(listen, 'precious');
  await expect(statusServer({ listen })).rejects.toMatchObject({
    message: expect.stringMatching(/is no socket/),
  });
  expect(readFileSync(listen, 'utf8')).toBe('precious');
});

it('says which path is too long for a socket', async () => {
  const listen = join(tmpdir(), 'x'.repeat(120));
  await expect(statusServer({ listen })).rejects.toMatchObject({
    hint: expect.stringMatching(/at most 107 bytes/),
  });
});

it('says that no agent runs when nobody listens, and that what runs is no agent', async () => {
  const listen = socketPath();
  expect(await askStatus(listen)).toBeUndefined();
  const other = createServer((socket) => socket.end('220 mail\r\n'));
  other.listen(listen);
  await once(other, 'listening');
  onTestFinished(() => {
    other.close();
  });
  await expect(askStatus(listen)).rejects.toBeInstanceOf(SyncError);
});

it('refreshes on the page what has changed, and says so when the agent is gone', async () => {
  const { ask } = await statusServer();
  const [, script = ''] = /<script type="module">([\s\S]*)<\/script>/.exec((await ask()).body) ?? [];
  const replaced: string[] = [];
  const part = (outerHTML: string) => ({
    outerHTML,
    replaceWith: (next: { outerHTML: string }) => replaced.push(`${outerHTML} -> ${next.outerHTML}`),
  });
  const connection = { textContent: '' };
  const page = (parts: string[]) => ({
    querySelectorAll: () => parts.map(part),
    getElementById: () => connection,
  });
  let look = async () => {};
  let fetched: () => Promise<object> = async () => ({ ok: true, text: async () => '' });
  const run = new Function('document', 'fetch', 'DOMParser', 'setInterval', script);
  run(
    page(['<td>1</td>', '<td>2</td>']),
    () => fetched(),
    class {
      parseFromString = () => page(['<td>1</td>', '<td>3</td>']);
    },
    (timer: typeof look, everyMs: number) => {
      look = timer;
      expect(everyMs).toBe(2000);
    },
  );
  await look();
  expect(replaced).toEqual(['<td>2</td> -> <td>3</td>']);
  expect(connection.textContent).toBe('');
  fetched = async () => {
    throw new TypeError('NetworkError');
  };
  await look();
  expect(connection.textContent).toBe('This page is old. The agent does not answer: NetworkError');
});
