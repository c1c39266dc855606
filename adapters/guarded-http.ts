/**
 * Calls to services whose URLs stand in the settings: no redirect is followed, no private address is reached unless
 * allowed, nothing waits for ever, and what may pass is tried again.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { SyncError } from '#core/errors.ts';
import { nextDelayMs, type RetryPolicy } from '#core/retry.ts';
import { startDeadline } from './deadline.ts';
import { guardedLookup, type Lookup, refusePrivateHost } from './guarded-lookup.ts';
import { createExchanger } from './http-exchange.ts';
import { connectionError } from './s3/s3-error.ts';

export interface GuardedHttpOptions {
  /** Whether hosts of private networks, and of this machine, may be called. */
  allowPrivate: boolean;
  /** Until the whole answer is there, from the last piece of the body that the socket took; per try. */
  timeoutMs: number;
  /** Default: 10 seconds. */
  connectTimeoutMs?: number;
  retry?: RetryPolicy;
  /** Sleeping and chance, replaced only to test the retry rule. */
  clock?: { sleep(delayMs: number): Promise<void>; random(): number };
  /** Replaced only to test what a name server may answer. */
  lookup?: Lookup;
}

export interface GuardedRequest {
  /** For errors, with `key`. */
  op: string;
  key?: string;
  method: 'POST' | 'PUT' | 'GET';
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Asked anew for each try and added to the others, such as a signature of the present time. */
  sign?: () => Promise<Readonly<Record<string, string>>>;
  body?: Uint8Array | StreamedBody;
}

interface StreamedBody {
  sizeBytes: number;
  /** Called once for each try. What it throws is thrown by `send`, and tried again when it is retryable. */
  open: () => AsyncIterable<Uint8Array>;
}

interface GuardedAnswer {
  status: number;
  /** At most 64 KiB of it. */
  text: string;
}

export interface GuardedHttp {
  /** Answers any 2xx; everything else is a `SyncError`, retryable for 408, 425, 429, 5xx and broken connections. */
  send(request: GuardedRequest): Promise<GuardedAnswer>;
  close(): void;
}

/** How far the body of a try came. */
interface Source {
  sent: boolean;
  /** What the source of the body threw: not the service's fault. */
  failure?: unknown;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 3, baseDelayMs: 200, maxDelayMs: 5_000 };
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 64 * 1024;
const RETRYABLE_STATUS = new Set([408, 425, 429]);

const systemClock = {
  sleep: (delayMs: number) => new Promise<void>((wake) => setTimeout(wake, delayMs)),
  random: Math.random,
};

export function createGuardedHttp(options: GuardedHttpOptions): GuardedHttp {
  const { allowPrivate, timeoutMs, retry = DEFAULT_RETRY, clock = systemClock } = options;
  const exchanger = createExchanger(
    guardedLookup(allowPrivate, options.lookup),
    options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  );

  async function attempt(request: GuardedRequest): Promise<GuardedAnswer> {
    const { op, key, method, body } = request;
    const url = targetOf(request);
    const deadline = startDeadline(timeoutMs);
    const source: Source = { sent: !isStream(body) };
    try {
      const signature = await request.sign?.();
      if (!allowPrivate) refusePrivateHost(url.hostname);
      const response = await exchanger.send(url, {
        method,
        headers: { ...request.headers, ...signature, 'content-length': String(sizeOf(body)) },
        body: isStream(body) ? streamed(request, body, deadline, source) : body,
        signal: deadline.signal,
      });
      const answer = { status: response.statusCode ?? 0, text: await textOf(response) };
      if (answer.status >= 200 && answer.status < 300) {
        if (source.sent) return answer;
        throw answeredEarly(request, answer);
      }
      throw refusal(request, answer, response.headers.location);
    } catch (error) {
      if ('failure' in source) throw source.failure;
      if (error instanceof SyncError) throw error;
      throw connectionError(error, op, key, url.origin);
    } finally {
      deadline.stop();
    }
  }

  return {
    async send(request) {
      for (let failures = 1; ; failures++) {
        try {
          return await attempt(request);
        } catch (error) {
          if (!(error instanceof SyncError) || !error.retryable) throw error;
          const delayMs = nextDelayMs(retry, failures, clock.random());
          if (delayMs === undefined) throw error;
          await clock.sleep(delayMs);
        }
      }
    },
    close: exchanger.close,
  };
}

/** Waiting for the source of the body is not the service's silence. */
function streamed(
  request: GuardedRequest,
  { open, sizeBytes }: StreamedBody,
  deadline: { restart(): void; stop(): void },
  source: Source,
): Readable {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    deadline.stop();
    let leftBytes = sizeBytes;
    try {
      for await (const piece of open()) {
        leftBytes -= piece.length;
        if (leftBytes < 0) break;
        deadline.restart();
        yield piece;
        deadline.stop();
      }
      if (leftBytes !== 0) throw otherSize(request, sizeBytes);
    } catch (error) {
      source.failure = error;
      throw error;
    }
    source.sent = true;
    deadline.restart();
  }
  return Readable.from(pieces(), { objectMode: false });
}

/** The beginning of the answer; the rest is not waited for. */
async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString();
}

function isStream(body: GuardedRequest['body']): body is StreamedBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

function sizeOf(body: GuardedRequest['body']): number {
  return body === undefined ? 0 : body instanceof Uint8Array ? body.length : body.sizeBytes;
}

function targetOf({ op, url: text }: GuardedRequest): URL {
  const url = new URL(text);
  if (url.username === '' && url.password === '') return url;
  throw new SyncError(`${op}: the URL of ${url.host} has a name or a password in it`, {
    op,
    retryable: false,
    code: 'BadUrl',
    hint: 'Take it out of the URL; calls are signed with the key of `secret`.',
  });
}

function refusal(
  { op, key, url }: GuardedRequest,
  { status, text }: GuardedAnswer,
  location: unknown,
): SyncError {
  const { origin } = new URL(url);
  const redirect = status >= 300 && status < 400;
  const what = redirect ? `a redirect to ${String(location)}` : JSON.stringify(text.slice(0, 200));
  return new SyncError(`${op} ${key ?? ''}: ${origin} answered ${status}: ${what}`.replace(' :', ':'), {
    op,
    key: key ?? '',
    retryable: status >= 500 || RETRYABLE_STATUS.has(status),
    code: redirect ? 'Redirect' : `HTTP ${status}`,
    ...(redirect
      ? { hint: 'Redirects are not followed: set the URL that it leads to, if you trust it.' }
      : {}),
  });
}

function otherSize({ op, key = '' }: GuardedRequest, sizeBytes: number): SyncError {
  return new SyncError(`${op} ${key}: the body does not have the ${sizeBytes} bytes that were announced`, {
    op,
    key,
    retryable: true,
    code: 'OtherSize',
  });
}

/** It cannot have kept what it has not read. */
function answeredEarly({ op, key, url }: GuardedRequest, { status }: GuardedAnswer): SyncError {
  return new SyncError(
    `${op} ${key ?? ''}: ${new URL(url).origin} answered ${status} before it had everything`,
    {
      op,
      key: key ?? '',
      retryable: true,
      code: 'AnsweredEarly',
    },
  );
}
