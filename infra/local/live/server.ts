/**
 * Serves the live page on loopback.
 *
 * | request | answer |
 * | --- | --- |
 * | GET / | the page |
 * | GET /events | server-sent events: `state` with what changed since the last one of this connection |
 * | POST /do/ACTION | what a button does; text for people |
 *
 * A port can be reached by every web page in a local browser. A Host that is not this host's is refused, which stops
 * DNS rebinding; a POST must come from the page itself, by its Origin, and carry the token that only the page has.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Actions } from './actions.ts';
import { livePage, PAGE_POLICY } from './page.ts';
import type { Parts } from './sections.ts';
import { clockText } from './text.ts';

export interface LiveServerOptions {
  /** Of the last look. */
  parts(): Parts;
  actions: Actions;
  /** A page was opened, or a button pressed. */
  onInterest(): void;
  nowMs(): number;
}

export interface LiveServer {
  url: string;
  isWatched(): boolean;
  /** Tells every open page what has changed. */
  push(): void;
  stop(): Promise<void>;
}

/** How long a browser waits before it connects again. */
const RECONNECT_MS = 1_000;
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
};

export async function startLiveServer(options: LiveServerOptions): Promise<LiveServer> {
  const { actions, nowMs } = options;
  const token = randomBytes(24).toString('base64url');
  /** What each open page has been told last. */
  const pages = new Map<ServerResponse, Map<string, string>>();
  let hosts: readonly string[] = [];

  function tell(response: ServerResponse): void {
    const told = pages.get(response);
    // A page that does not keep up is told later, of what is then.
    if (told === undefined || response.writableNeedDrain) return;
    const changed = Object.entries(options.parts()).filter(([name, html]) => told.get(name) !== html);
    for (const [name, html] of changed) told.set(name, html);
    const state = { at: clockText(nowMs()), parts: Object.fromEntries(changed), buttons: actions.buttons() };
    response.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);
  }

  function openEvents(response: ServerResponse): void {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    pages.set(response, new Map());
    response.once('close', () => pages.delete(response));
    tell(response);
    options.onInterest();
  }

  async function act(request: IncomingMessage, response: ServerResponse, action: string): Promise<void> {
    if (!isFromPage(request, token)) {
      send(response, 403, 'Refused: only the page itself may ask for this. Reload the page.\n');
      return;
    }
    const done = actions.run(action);
    if (done === undefined) send(response, 404, 'There is no such action.\n');
    else send(response, 200, await done);
    options.onInterest();
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    if (!hosts.includes(headers.host ?? '')) send(response, 421, 'Not this host.\n');
    else if (method === 'POST' && url.startsWith('/do/'))
      await act(request, response, url.slice('/do/'.length));
    else if (method !== 'GET') send(response, 405, 'GET only.\n');
    else if (url === '/events') openEvents(response);
    else if (url === '/') {
      const content = { parts: options.parts(), buttons: actions.buttons(), token };
      const page = livePage({ ...content, atMs: nowMs() });
      const type = 'text/html; charset=utf-8';
      response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-security-policy': PAGE_POLICY });
      response.end(page);
    } else send(response, 404, 'There is /.\n');
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy();
      server.emit('error', error);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  return {
    url: `http://127.0.0.1:${port}/`,
    isWatched: () => pages.size > 0,
    push() {
      for (const response of pages.keys()) tell(response);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function isFromPage({ headers }: IncomingMessage, token: string): boolean {
  if (headers.origin !== `http://${headers.host}`) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const given = Buffer.from(String(headers['x-sluice-token'] ?? ''));
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function send(response: ServerResponse, status: number, text: string): void {
  // What was posted is not read: the connection cannot serve another request.
  const headers = { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
  response.writeHead(status, headers).end(text);
}
