/**
 * One S3 request on the wire: signed, timed, tried again when that can help. Why not the SDK: a tenth of the CPU per
 * object, and a retry rule that is ours to state.
 */
import { SyncError } from '#core/errors.ts';
import { nextDelayMs, type RetryPolicy } from '#core/retry.ts';
import { type AnswerBody, EMPTY_BODY } from '../http1/answer-body.ts';
import type { HttpAnswer } from '../http1/connection.ts';
import { isHeaderValue } from '../http1/head.ts';
import { createPool } from '../http1/pool.ts';
import type { Bandwidth } from './bandwidth.ts';
import { type CredentialSource, sameCredentials } from './credentials.ts';
import { createPace } from './pace.ts';
import {
  badHeader,
  brokenBody,
  connectionError,
  isCongestion,
  refusesCredentials,
  responseError,
} from './s3-error.ts';
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
  /** For requests with which the store does work, until the answer begins; per try. Default 5 minutes. */
  requestTimeoutMs?: number;
  /** Silence on the socket: until the answer begins, from the last piece of the body that it took. Default 30 seconds. */
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
  /** The store copies or joins bytes before it answers. */
  slow?: boolean;
  /** Whether what was so before the request is so still; asked before it is sent again, which it is not when it is not so. */
  isStill?: () => Promise<boolean>;
  /** Ends the request, and the answer that is being read. */
  signal?: AbortSignal;
}

export interface WireResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: AnswerBody;
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
  const { requestTimeoutMs = 300_000, idleTimeoutMs = 30_000, connectTimeoutMs = 10_000 } = options;
  // The pace bounds the requests; the pool does not, or a long download would keep a short request waiting.
  const pool = createPool({
    origin,
    connectWithinMs: connectTimeoutMs,
    idleWithinMs: idleTimeoutMs,
    ...(bandwidth === undefined ? {} : { allowance: bandwidth }),
  });
  const pace = createPace({ max: options.connections ?? 64, isCongestion });
  let date = { text: '', atMs: Number.NaN };
  let skewMs: number | undefined;
  /** Added to the time of signatures, once the store has refused ours. */
  let correctionMs = 0;

  /** The store's clock: an answer tells it in whole seconds, so most say what the one before has said. */
  function hearDate(text: string | undefined): void {
    if (text === undefined) return;
    if (text !== date.text) date = { text, atMs: Date.parse(text) };
    if (!Number.isNaN(date.atMs)) skewMs = date.atMs - clock.now();
  }

  function headOf(request: WireRequest, signer: Credentials): string {
    const { method, key, query = {}, body = EMPTY } = request;
    const path = basePath + (key === undefined ? '/' : `/${encodePath(key)}`);
    // The signature covers Content-MD5, and the store checks the body against that; a second hash would add nothing.
    const sealed = encrypted || request.headers?.['content-md5'] !== undefined;
    const payloadHash = sealed && body.length > 0 ? UNSIGNED_PAYLOAD : sha256(body);
    const own = { ...request.headers, host, 'x-amz-content-sha256': payloadHash };
    const headers = sign(
      { method, path, query, headers: own, payloadHash },
      signer,
      clock.now() + correctionMs,
    );
    const search = encodeQuery(query);
    let head = `${method} ${path}${search === '' ? '' : `?${search}`} HTTP/1.1\r\n`;
    for (const name in headers) {
      const value = headers[name] ?? '';
      if (!isHeaderValue(value)) throw badHeader(request.op, key, name);
      head += `${name}: ${value}\r\n`;
    }
    const sends = method === 'PUT' || method === 'POST';
    return `${head}${sends ? `content-length: ${body.length}\r\n` : ''}\r\n`;
  }

  async function attempt(request: WireRequest, accept: readonly number[], signer: Credentials) {
    const { op, method, key, body = EMPTY, slow = false, isStill, signal } = request;
    const head = headOf(request, signer);
    const answerWithinMs = slow ? requestTimeoutMs : Math.min(requestTimeoutMs, idleTimeoutMs);
    let response: HttpAnswer;
    try {
      const once = isStill !== undefined;
      response = await pool.request({ method, head, body, answerWithinMs, once, signal });
    } catch (error) {
      throw connectionError(error, op, key, origin);
    }
    const answer = {
      ...response,
      body: guarded(response.body, bandwidth, (error) => brokenBody(error, op, key, origin)),
    };
    hearDate(answer.headers.date);
    if ((answer.status >= 200 && answer.status < 300) || accept.includes(answer.status)) return answer;
    const error = await responseError(answer, op, key, bucket);
    if (error.code === 'RequestTimeTooSkewed') correctionMs = skewMs ?? 0;
    throw error;
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
          if ((await request.isStill?.()) === false) throw error;
        }
      }
    },
    clockSkewMs: () => skewMs,
    close: pool.close,
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

/** The answer's bytes, at the rate allowed; a connection that breaks under them throws what `broken` makes of it. */
function guarded(
  body: AnswerBody,
  bandwidth: Bandwidth | undefined,
  broken: (error: unknown) => SyncError,
): AnswerBody {
  if (body === EMPTY_BODY) return body;
  async function* chunks() {
    try {
      for await (const chunk of body) {
        await bandwidth?.take(chunk.length);
        yield chunk;
      }
    } catch (error) {
      throw broken(error);
    }
  }
  return {
    [Symbol.asyncIterator]: chunks,
    text: async () => new TextDecoder().decode(Buffer.concat(await Array.fromAsync(chunks()))),
    dump: () =>
      body.dump().catch((error: unknown) => {
        throw broken(error);
      }),
  };
}
