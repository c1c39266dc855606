/**
 * Sends results to one report endpoint: `POST <url>` with JSON, `idempotency-key` and, with a secret, the signature of
 * request-signature.ts.
 */
import type { ReportEndpoint } from '#core/settings/http-target.ts';
import { createGuardedHttp, type GuardedHttpOptions } from './guarded-http.ts';
import { signatureHeaders } from './request-signature.ts';

export interface ReportSender {
  readonly url: string;
  /** The same key is the same result. `SyncError`, retryable or not, by what the endpoint answered. */
  send(body: Uint8Array, idempotencyKey: string): Promise<void>;
  close(): void;
}

/** @param signingKey of the endpoint's secret; absent: calls are not signed */
export function createReportSender(
  { url, allowPrivate, timeout }: ReportEndpoint,
  signingKey: (() => Promise<string>) | undefined,
  http: Pick<GuardedHttpOptions, 'retry' | 'clock'> & { nowMs?: () => number } = {},
): ReportSender {
  const { nowMs = Date.now, ...rest } = http;
  const guarded = createGuardedHttp({ allowPrivate, timeoutMs: timeout, ...rest });
  return {
    url,
    async send(body, idempotencyKey) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
      const signed = { method: 'POST', url, headers, body };
      await guarded.send({
        op: 'send-report',
        key: idempotencyKey,
        method: 'POST',
        url,
        headers,
        body,
        ...(signingKey === undefined
          ? {}
          : { sign: async () => signatureHeaders(signed, await signingKey(), nowMs()) }),
      });
    },
    close: () => guarded.close(),
  };
}
