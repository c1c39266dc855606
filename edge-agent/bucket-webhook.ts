/**
 * Takes the webhook of a store that tells of its changes. What comes is a hint: the key is looked at, whatever the event
 * says, so that nothing is lost or done by one that is late, doubled or made up.
 * https://min.io/docs/minio/linux/administration/monitoring/publish-events-to-webhook.html
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SyncError } from '#core/errors.ts';
import { eventsOfNotification, type ObjectEvent } from '#core/s3-event.ts';

export interface WebhookOptions {
  /** `0.0.0.0:9555`; port 0 takes any. */
  listen: string;
  /** The store sends it as `Authorization: Bearer …`. */
  token: string;
  onEvents(events: readonly ObjectEvent[]): void;
  /** Said of what was refused. */
  onRefused(why: string): void;
}

export interface Webhook {
  /** As `listen`, with the port that was taken. */
  readonly address: string;
  close(): Promise<void>;
}

/** Notifications have one event of at most a few KiB. */
const MAX_BODY_BYTES = 1024 * 1024;
const HEADERS_WITHIN_MS = 10_000;
const REQUEST_WITHIN_MS = 30_000;

/** @throws SyncError `WebhookAddress` when the address cannot be had */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { listen, onRefused } = options;
  const server = createServer((request, response) => {
    const answer = (status: number) => {
      response.writeHead(status, {
        'content-length': 0,
        connection: status === 200 ? 'keep-alive' : 'close',
      });
      response.end();
    };
    take(options, request).then(answer, (error: unknown) => {
      onRefused(error instanceof Error ? error.message : String(error));
      answer(error instanceof SyncError ? 400 : 500);
    });
  });
  server.headersTimeout = HEADERS_WITHIN_MS;
  server.requestTimeout = REQUEST_WITHIN_MS;
  const [, host = '', port = '0'] = /^(.*):(\d+)$/.exec(listen) ?? [];
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(listen, error)));
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) }, resolve);
  });
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The status to answer. */
async function take(
  { token, onEvents, onRefused }: WebhookOptions,
  request: IncomingMessage,
): Promise<number> {
  if (!isToken(request.headers.authorization, token)) {
    onRefused('a request without the right token');
    return 401;
  }
  // MinIO looks whether somebody is there.
  if (request.method === 'HEAD' || request.method === 'GET') return 200;
  if (request.method !== 'POST') return 405;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      onRefused(`a body of more than ${MAX_BODY_BYTES} bytes`);
      return 413;
    }
    chunks.push(chunk);
  }
  // MinIO also sends an empty message to try the address.
  if (bytes > 0) onEvents(eventsOfNotification(parsed(Buffer.concat(chunks).toString('utf8'))));
  return 200;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyncError(`a body that is not JSON: ${error.message}`, {
      op: 'webhook',
      retryable: false,
      code: 'BadNotification',
    });
  }
}

/** In constant time: digests have one length. */
function isToken(header: string | undefined, token: string): boolean {
  const given = (header ?? '').replace(/^Bearer /i, '');
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function cannotListen(listen: string, cause: Error): SyncError {
  return new SyncError(`webhook address ${listen}: ${cause.message}`, {
    op: 'webhook',
    key: listen,
    retryable: false,
    code: 'WebhookAddress',
    cause,
    hint: 'Correct notifications.webhook in the settings.',
  });
}
