/**
 * Signs a call, so that its receiver knows who sent it and that nothing of it was changed.
 *
 * `sluice-signature: v1=<hex>` is the HMAC-SHA256, with the key of the secret, of these lines joined by `\n`: `v1`, the
 * time in `sluice-timestamp` (seconds since 1970), the method, the path with its query, one `name:value` for each name
 * of `sluice-signed-headers` (in that order), and the hex SHA-256 of the body, or `stream` for one that is streamed
 * (its ETag and size are among the headers).
 */
import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  method: string;
  url: string;
  /** Names in lower case; all of them are signed. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | 'stream';
}

/** The headers to add. */
export function signatureHeaders(
  { method, url, headers, body }: SignedRequest,
  key: string,
  nowMs: number,
): Record<string, string> {
  const { pathname, search } = new URL(url);
  const names = Object.keys(headers).sort();
  const timestamp = String(Math.floor(nowMs / 1000));
  const lines = [
    'v1',
    timestamp,
    method,
    pathname + search,
    ...names.map((name) => `${name}:${headers[name]}`),
    body === 'stream' ? body : createHash('sha256').update(body).digest('hex'),
  ];
  return {
    'sluice-timestamp': timestamp,
    'sluice-signed-headers': names.join(';'),
    'sluice-signature': `v1=${createHmac('sha256', key).update(lines.join('\n')).digest('hex')}`,
  };
}
