/**
 * The agent's status over HTTP, for this host only.
 *
 * | request | answer |
 * | --- | --- |
 * | GET / | the status page |
 * | GET /status.json | `StatusReport` |
 * | GET /metrics | Prometheus text, or OpenMetrics where that is preferred |
 * | GET /healthz | 200, or 503 with the reasons when a folder or bucket needs somebody |
 * | POST /retry[?folder=NAME or ?bucket=NAME] | looks now at all that waits |
 * | POST /approve-deletes?folder=NAME or ?bucket=NAME | carries out the deletes that the guard holds |
 *
 * /healthz is for alarms: a restart heals none of its reasons. What a restart heals is the watchdog's (sd-notify.ts).
 *
 * Who may do what: the unix socket belongs to the agent's user (mode 0600). A port can be reached by every local user
 * and by every web page in a local browser, so it answers questions only. Pages of other sites cannot read the answers
 * (no CORS, and a Host that is not this host's is refused, which stops DNS rebinding), and what a browser sends is
 * refused for POST also on the socket, because people forward it to a port with ssh.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SyncError } from '#core/errors.ts';
import { bucketNeedsSomebody } from './bucket-view.ts';
import { addressInUse, claimAddress, listenAddress } from './listen-address.ts';
import type { CountedLog } from './log.ts';
import { OPENMETRICS_TYPE, openMetrics, prefersOpenMetrics } from './openmetrics.ts';
import type { PrometheusMetrics } from './prometheus.ts';
import { PAGE_POLICY, statusPage } from './status-page.ts';
import { needsSomebody, type StatusSource, statusReport } from './status-report.ts';

export interface StatusServerOptions extends StatusSource {
  /** `status.listen`: the path of a unix socket, or `127.0.0.1:PORT`; port 0 takes any. */
  listen: string;
  metrics: PrometheusMetrics;
  log: CountedLog;
  actions: StatusActions;
}

interface StatusActions {
  /** All folders and buckets when none is named. */
  retry(which: Which): void;
  approveDeletes(which: Which): void;
}

/** One of them, or none. */
interface Which {
  folder: string | undefined;
  bucket: string | undefined;
}

export interface StatusServer {
  /** As `listen`, with the port that was taken. */
  readonly address: string;
  close(): Promise<void>;
}

interface Answer {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
/** Only the owner may connect: connecting needs write permission. https://man7.org/linux/man-pages/man7/unix.7.html */
const OWNER_ONLY = 0o177;
const LOCAL_NAMES = /^(?:localhost|127\.0\.0\.1|\[::1\])?(?::\d+)?$/i;

/** @throws SyncError `StatusAddress` when the address is in use or cannot be had */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { listen, log } = options;
  await claimAddress(listen);
  const server = createServer((request, response) => {
    answer(options, request)
      .catch((error: unknown) => unable(error, log))
      .then((found) => send(request, response, found))
      .catch((error: unknown) => {
        response.destroy();
        server.emit('error', error);
      });
  });
  await listening(server, listen);
  server.on('error', (error) => log.error(`status server: ${error.message}`));
  return {
    address: addressOf(server, listen),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: StatusServerOptions, request: IncomingMessage): Promise<Answer> {
  if (!LOCAL_NAMES.test(request.headers.host ?? '')) return refused(421, 'not this host\n');
  // Not `new URL`: it takes `//name/` for a host, and throws on some of what can be sent.
  const [pathname = '', query] = (request.url ?? '').split('?', 2);
  const asked = new URLSearchParams(query);
  const which = { folder: asked.get('folder') ?? undefined, bucket: asked.get('bucket') ?? undefined };
  switch (pathname) {
    case '/':
    case '/status.json':
    case '/metrics':
    case '/healthz':
      if (request.method === 'GET' || request.method === 'HEAD')
        return question(options, pathname, request.headers.accept);
      return { ...refused(405, 'GET only\n'), headers: { allow: 'GET, HEAD' } };
    case '/retry':
    case '/approve-deletes':
      if (request.method === 'POST') return action(options, request, pathname, which);
      return { ...refused(405, 'POST only\n'), headers: { allow: 'POST' } };
    default:
      return refused(404, 'there is /, /status.json, /metrics and /healthz\n');
  }
}

async function question(
  options: StatusServerOptions,
  pathname: string,
  accept: string | undefined,
): Promise<Answer> {
  switch (pathname) {
    case '/metrics': {
      const [body, headers] = [await options.metrics.text(), { vary: 'accept' }];
      return prefersOpenMetrics(accept)
        ? { status: 200, type: OPENMETRICS_TYPE, body: openMetrics(body), headers }
        : { status: 200, type: options.metrics.contentType, body, headers };
    }
    case '/healthz': {
      const reasons: object[] = options
        .views()
        .filter(needsSomebody)
        .map(({ name: folder, state, reason }) => ({ folder, state, reason }));
      for (const { name: bucket, destination, state, reason, parked } of options.bucketViews?.() ?? []) {
        if (!bucketNeedsSomebody({ state, parked })) continue;
        reasons.push({ bucket, destination, state, reason: reason || `${parked} objects are parked` });
      }
      const health = { health: reasons.length === 0 ? 'ok' : 'failing', reasons };
      return { status: reasons.length === 0 ? 200 : 503, type: JSON_TYPE, body: json(health) };
    }
    case '/status.json':
      return { status: 200, type: JSON_TYPE, body: json(statusReport(options, Date.now())) };
    default:
      return {
        status: 200,
        type: 'text/html; charset=utf-8',
        body: statusPage(statusReport(options, Date.now())),
        headers: { 'content-security-policy': PAGE_POLICY },
      };
  }
}

function action(
  { listen, actions, views, bucketViews = () => [] }: StatusServerOptions,
  { headers }: IncomingMessage,
  pathname: string,
  which: Which,
): Answer {
  const { folder, bucket } = which;
  if (!listen.startsWith('/'))
    return refused(403, 'only over the unix socket: set status.listen to a path\n');
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
    return refused(403, 'not from a browser\n');
  }
  if (folder !== undefined && !views().some(({ name }) => name === folder)) {
    return refused(404, `there is no folder ${folder}\n`);
  }
  if (bucket !== undefined && !bucketViews().some(({ name }) => name === bucket)) {
    return refused(404, `there is no bucket ${bucket}\n`);
  }
  if (pathname === '/retry') {
    actions.retry(which);
  } else {
    if (folder === undefined && bucket === undefined) {
      return refused(400, 'which? /approve-deletes?folder=NAME or ?bucket=NAME\n');
    }
    actions.approveDeletes(which);
  }
  return { status: 202, type: JSON_TYPE, body: json({ accepted: pathname.slice(1), ...which }) };
}

/** The index may fail; that is a state to tell, not a reason to end. */
function unable(error: unknown, log: CountedLog): Answer {
  if (!(error instanceof SyncError)) throw error;
  log.warn(`the status cannot be told: ${error.message}`, { hint: error.hint });
  return refused(503, `the status cannot be told: ${error.message}\n`);
}

function refused(status: number, body: string): Answer {
  return { status, type: TEXT, body };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function send(request: IncomingMessage, response: ServerResponse, found: Answer): void {
  // What was posted is not read: the connection cannot serve another request.
  const unread = request.method !== 'GET' && request.method !== 'HEAD';
  response.writeHead(found.status, {
    'content-type': found.type,
    'content-length': Buffer.byteLength(found.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    ...(unread ? { connection: 'close' } : {}),
    ...found.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : found.body);
}

function listening(server: Server, listen: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? addressInUse(listen) : cannotListen(listen, error)),
    );
    server.once('listening', () => {
      server.removeAllListeners('error');
      resolve();
    });
    // The socket is made within the call, so nobody can connect before it is the owner's alone.
    const before = process.umask(OWNER_ONLY);
    try {
      server.listen(listenAddress(listen));
    } finally {
      process.umask(before);
    }
  });
}

function addressOf(server: Server, listen: string): string {
  const taken = server.address() as AddressInfo | string;
  return typeof taken === 'string' ? taken : listen.replace(/\d+$/, String(taken.port));
}

function cannotListen(listen: string, cause: Error): SyncError {
  return new SyncError(`status address ${listen}: ${cause.message}`, {
    op: 'status',
    key: listen,
    retryable: false,
    code: 'StatusAddress',
    cause,
    hint: 'Correct status.listen; the path of a socket has at most 107 bytes.',
  });
}
