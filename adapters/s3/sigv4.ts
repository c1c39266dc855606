/**
 * AWS Signature Version 4 for S3, on node:crypto. What many requests have in common is made once: the day's signing
 * key, the second's timestamp.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { hash } from 'node:crypto';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** A list: the name once for each of its values. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

export interface RequestToSign {
  method: string;
  /** Path as it goes on the wire, already encoded with `encodePath`. */
  path: string;
  query: Query;
  /** Lower-case names; `host` among them. Every header given is signed. Values have one character a byte, as on the wire. */
  headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  payloadHash: string;
}

export const EMPTY_SHA256 = sha256('');
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** `signer(service, region)` answers a function that yields the headers to add: date, token and authorization. */
export function createSigner(
  region: string,
  service = 's3',
): (request: RequestToSign, credentials: Credentials, nowMs: number) => Record<string, string> {
  let cached: { day: string; secret: string; sign: KeyedHash } | undefined;
  let second = { atSec: Number.NaN, timestamp: '' };

  function keyed(day: string, secret: string): KeyedHash {
    if (cached?.day !== day || cached.secret !== secret) {
      const first = keyedHash(Buffer.from(`AWS4${secret}`));
      const parts = [day, region, service, 'aws4_request'];
      cached = { day, secret, sign: parts.reduce((sign, part) => keyedHash(sign(part)), first) };
    }
    return cached.sign;
  }

  function timestampOf(nowMs: number): string {
    const atSec = Math.floor(nowMs / 1000);
    if (second.atSec !== atSec) {
      const timestamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
      second = { atSec, timestamp };
    }
    return second.timestamp;
  }

  return (request, credentials, nowMs) => {
    const timestamp = timestampOf(nowMs);
    const day = timestamp.slice(0, 8);
    const headers: Record<string, string> = { ...request.headers, 'x-amz-date': timestamp };
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken;
    const names = Object.keys(headers).sort();
    const signedHeaders = names.join(';');
    let canonical = `${request.method}\n${request.path}\n${encodeQuery(request.query)}\n`;
    for (const name of names) canonical += `${name}:${folded(headers[name] ?? '')}\n`;
    canonical += `\n${signedHeaders}\n${request.payloadHash}`;
    const scope = `${day}/${region}/${service}/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(Buffer.from(canonical, 'latin1'))}`;
    const signature = keyed(day, credentials.secretAccessKey)(toSign).toString('hex');
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return headers;
  };
}

/** Blanks are folded for the signature only; JavaScript's `\s` would also take the byte A0, half of many a letter. */
function folded(value: string): string {
  return /^[\t ]|[\t ]$|\t| {2}/.test(value) ? value.replace(/[\t ]+/g, ' ').replace(/^ | $/g, '') : value;
}

/** The query as it is signed and sent: sorted by encoded name, RFC 3986 encoding. */
export function encodeQuery(query: Query): string {
  return Object.entries(query)
    .flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : value.map((one) => [name, one]),
    )
    .map((pair) => pair.map(encodeRfc3986).join('='))
    .sort()
    .join('&');
}

const PLAIN_PATH = /^[\w.~/-]*$/;

/** A key as a path: RFC 3986, once, slashes kept; no normalisation, or `a//b` would become `a/b`. */
export function encodePath(key: string): string {
  return PLAIN_PATH.test(key) ? key : key.split('/').map(encodeRfc3986).join('/');
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

type KeyedHash = (text: string) => Buffer;

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA-256 (https://www.rfc-editor.org/rfc/rfc2104) with the key's two blocks made once: Node's own makes a key
 * object and a stream for each, which takes longer than everything else about a signature.
 */
function keyedHash(key: Buffer): KeyedHash {
  const short = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key;
  const block = Buffer.concat([short, Buffer.alloc(BLOCK_BYTES - short.length)]);
  const inner = block.map((byte) => byte ^ 0x36);
  const outer = block.map((byte) => byte ^ 0x5c);
  return (text) => {
    const first = hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer');
    return hash('sha256', Buffer.concat([outer, first]), 'buffer');
  };
}

export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}
