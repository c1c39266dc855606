/**
 * One S3 request on the wire: signed, timed, tried again when that can help. Why not the SDK: a tenth of the CPU per
 * object, and a retry rule that is ours to state.
 */
import { Agent, type Dispatcher } from 'undici';
import { SyncError } from '#core/errors.ts';
import { nextDelayMs, type RetryPolicy } from '#core/retry.ts';
import type { Bandwidth } from './bandwidth.ts';
import { received, requestBody, startDeadline } from './body.ts';
import { type CredentialSource, sameCredentials } from './credentials.ts';
import { createPace } from './pace.ts';
import { brokenBody, connectionError, isCongestion, refusesCredentials, responseError } from './s3-error.ts';
import {
  type Credentials,
  createSigner,
  encodePath,
  encodeQuery,
  type Query,
  sha256,
  UNSIGNED_PAYLOAD,
} from './sigv4.ts';

export interface WireOptions {
  bucket: string;
  region: string;
  /** `http(s)://host[:port]`; absent: AWS. */
  endpoint?: string;
  addressing: 'path' | 'virtual';
  credentials: CredentialSource;
  /** Until the answer begins, from the last piece of the body that the socket took; per try. Default 5 minutes. */
  requestTimeoutMs?: number;
  /** Silence on the socket. Default 30 seconds. */
  idleTimeoutMs?: number;
  connectTimeoutMs?: number;
  /** Requests at once, at most; fewer while more do not help or the store complains. Default 64. */
  connections?: number;
  /** Shared by all wires of a process. */
  bandwidth?: Bandwidth;
  retry?: RetryPolicy;
  /** Sleeping, time and chance, replaced only to test the retry rule. */
  clock?: { now(): number; sleep(delayMs: number): Promise<void>; random(): number };
}

export interface WireRequest {
  op: string;
  method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE';
  /** Absent: the bucket itself. */
  key?: string;
  query?: Query;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
  /** Ends the request, and the answer that is being read. */
  signal?: AbortSignal;
}

export interface WireResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: AsyncIterable<Uint8Array> & { text(): Promise<string>; dump(): Promise<unknown> };
}

export interface Wire {
  readonly bucket: string;
  /** Answers any 2xx, and the statuses listed; everything else is a `SyncError`. */
  send(request: WireRequest, accept?: readonly number[]): Promise<WireResponse>;
  /** The store's clock, as its last answer told it (whole seconds), minus this host's. */
  clockSkewMs(): number | undefined;
  close(): Promise<void>;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseDelayMs: 100, maxDelayMs: 5_000 };
const EMPTY = new Uint8Array();

const systemClock = {
  now: Date.now,
  sleep: (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs)),
  random: Math.random,
};

export function createWire(options: WireOptions): Wire {
  const { bucket, region, credentials, bandwidth, clock = systemClock, retry = DEFAULT_RETRY } = options;
  const { origin, host, basePath } = address(options);
  const sign = createSigner(region);
  const encrypted = origin.startsWith('https:');
  // The pace bounds the requests; the pool does not, or a long download would keep a short request waiting.
  const agent = new Agent({
    // Given here, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise hand signatures and bytes to anybody.
    connect: { timeout: options.connectTimeoutMs ?? 10_000, rejectUnauthorized: true },
    headersTimeout: options.idleTimeoutMs ?? 30_000,
    bodyTimeout: options.idleTimeoutMs ?? 30_000,
    keepAliveTimeout: 30_000,
  });
  const pace = createPace({ max: options.connections ?? 64, isCongestion });
  let skewMs: number | undefined;
  /** Added to the time of signatures, once the store has refused ours. */
  let correctionMs = 0;

  async function attempt(request: WireRequest, accept: readonly number[], signer: Credentials) {
    const query = request.query ?? {};
    const path = basePath + (request.key === undefined ? '/' : `/${encodePath(request.key)}`);
    const bytes = request.body ?? EMPTY;
    const payloadHash = encrypted && bytes.length > 0 ? UNSIGNED_PAYLOAD : sha256(bytes);
    const deadline = startDeadline(options.requestTimeoutMs ?? 300_000);
    try {
      const body = await requestBody(bytes, bandwidth, deadline);
      const headers = sign(
        {
          method: request.method,
          path,
          query,
          headers: { ...request.headers, host, 'x-amz-content-sha256': payloadHash },
          payloadHash,
        },
        signer,
        clock.now() + correctionMs,
      );
      const search = encodeQuery(query);
      const sends = request.method === 'PUT' || request.method === 'POST';
      const response = await agent
        .request({
          origin,
          path: search === '' ? path : `${path}?${search}`,
          method: request.method,
          headers: sends ? { ...headers, 'content-length': String(bytes.length) } : headers,
          body: sends ? body : null,
          // Else each HEAD costs a connection, for servers that answer it with a body: https://github.com/nodejs/undici/issues/258
          reset: false,
          signal:
            request.signal === undefined
              ? deadline.signal
              : AbortSignal.any([deadline.signal, request.signal]),
        })
        .catch((error: unknown) => {
          throw connectionError(error, request.op, request.key, origin);
        });
      const answer = answerOf(response, bandwidth, (error) =>
        brokenBody(error, request.op, request.key, origin),
      );
      const serverMs = Date.parse(answer.headers.date ?? '');
      if (!Number.isNaN(serverMs)) skewMs = serverMs - clock.now();
      if ((answer.status >= 200 && answer.status < 300) || accept.includes(answer.status)) return answer;
      const error = await responseError(answer, request.op, request.key, bucket);
      if (error.code === 'RequestTimeTooSkewed') correctionMs = skewMs ?? 0;
      throw error;
    } finally {
      deadline.stop();
    }
  }

  return {
    bucket,
    async send(request, accept = []) {
      let renewed = false;
      for (let failures = 1; ; failures++) {
        const signer = await credentials();
        try {
          return await pace.run(request.body?.length ?? 0, () => attempt(request, accept, signer));
        } catch (error) {
          if (!(error instanceof SyncError)) throw error;
          if (refusesCredentials(error, request.method)) {
            // Rotated meanwhile, perhaps. The same again would only be refused again.
            if (renewed) throw error;
            renewed = true;
            credentials.refresh(signer);
            if (sameCredentials(await credentials(), signer)) throw error;
            continue;
          }
          if (!error.retryable) throw error;
          const delayMs = nextDelayMs(retry, failures, clock.random());
          if (delayMs === undefined) throw error;
          await clock.sleep(delayMs);
        }
      }
    },
    clockSkewMs: () => skewMs,
    close: () => agent.close(),
  };
}

/**
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html; a bucket with dots cannot be a host name
 * under a TLS wildcard certificate.
 */
function address({ bucket, region, endpoint, addressing }: WireOptions) {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  const virtual = addressing === 'virtual' && !(url.protocol === 'https:' && bucket.includes('.'));
  const host = virtual ? `${bucket}.${url.host}` : url.host;
  const base = url.pathname.replace(/\/$/, '');
  return { origin: `${url.protocol}//${host}`, host, basePath: virtual ? base : `${base}/${bucket}` };
}

function answerOf(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  bandwidth: Bandwidth | undefined,
  broken: (error: unknown) => SyncError,
): WireResponse {
  const chunks = () => received(body, bandwidth, broken);
  return {
    status,
    headers: flatten(headers),
    body: {
      [Symbol.asyncIterator]: chunks,
      text: async () => new TextDecoder().decode(Buffer.concat(await Array.fromAsync(chunks()))),
      dump: () =>
        body.dump().catch((error: unknown) => {
          throw broken(error);
        }),
    },
  };
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
