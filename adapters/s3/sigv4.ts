/**
 * AWS Signature Version 4 for S3, on node:crypto with the day's signing key kept.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from 'node:crypto';

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
  /** Lower-case names; `host` among them. Every header given is signed. */
  headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  payloadHash: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** `signer(service, region)` answers a function that yields the headers to add: date, token and authorization. */
export function createSigner(
  region: string,
  service = 's3',
): (request: RequestToSign, credentials: Credentials, nowMs: number) => Record<string, string> {
  let cached: { day: string; secret: string; key: Buffer } | undefined;

  function signingKey(day: string, secret: string): Buffer {
    if (cached?.day !== day || cached.secret !== secret) {
      const parts = [day, region, service, 'aws4_request'];
      cached = { day, secret, key: parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`)) };
    }
    return cached.key;
  }

  return (request, credentials, nowMs) => {
    const timestamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = timestamp.slice(0, 8);
    const headers: Record<string, string> = { ...request.headers, 'x-amz-date': timestamp };
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken;
    const names = Object.keys(headers).sort();
    const signedHeaders = names.join(';');
    const canonical = [
      request.method,
      request.path,
      encodeQuery(request.query),
      ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}`),
      '',
      signedHeaders,
      request.payloadHash,
    ].join('\n');
    const scope = `${day}/${region}/${service}/aws4_request`;
    const toSign = ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n');
    const signature = hmac(signingKey(day, credentials.secretAccessKey), toSign).toString('hex');
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return headers;
  };
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

/** A key as a path: RFC 3986, once, slashes kept; no normalisation, or `a//b` would become `a/b`. */
export function encodePath(key: string): string {
  return key.split('/').map(encodeRfc3986).join('/');
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
