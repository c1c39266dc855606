/** Checks the signature of a call, as docs/file-manager.md tells receivers to. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** A call may be as old as that, or as new: clocks differ. */
const WITHIN_MS = 5 * 60_000;

/** @param body as it was received; empty for a stream */
export function hasSignature(
  { method, url, headers }: IncomingMessage,
  body: string,
  key: string,
  nowMs = Date.now(),
): boolean {
  const timestamp = String(headers['sluice-timestamp'] ?? '');
  if (!(Math.abs(Number(timestamp) * 1000 - nowMs) < WITHIN_MS)) return false;
  const names = String(headers['sluice-signed-headers'] ?? '').split(';');
  if (!names.includes('idempotency-key') || !names.includes('content-type')) return false;
  const streamed = headers['content-type'] === 'application/octet-stream';
  const lines = [
    'v1',
    timestamp,
    method,
    url,
    ...names.map((name) => `${name}:${headers[name]}`),
    streamed ? 'stream' : createHash('sha256').update(body).digest('hex'),
  ];
  const expected = `v1=${createHmac('sha256', key).update(lines.join('\n')).digest('hex')}`;
  const given = String(headers['sluice-signature'] ?? '');
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
