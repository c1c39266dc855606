/**
 * The file manager behind its HTTP API (docs/file-manager.md): four calls below one URL, JSON or a stream, each with an
 * idempotency key and, with a secret, the signature of request-signature.ts.
 */
import { SyncError } from '#core/errors.ts';
import type { ObjectKey } from '#core/key.ts';
import type { FileManager, ObjectHead } from '#core/ports.ts';
import type { FileManagerSettings } from '#core/settings/http-target.ts';
import { createGuardedHttp, type GuardedHttpOptions, type GuardedRequest } from './guarded-http.ts';
import { signatureHeaders } from './request-signature.ts';

/** What a service answers that does not have the file: https://www.rfc-editor.org/rfc/rfc9110#name-404-not-found */
const HAS_NONE = new Set(['HTTP 404', 'HTTP 410']);

/**
 * @param signingKey of its secret; absent: calls are not signed
 * @param http retries and timers, replaced only to test them
 */
export function createHttpFileManager(
  { url, allowPrivate, timeout }: Pick<FileManagerSettings, 'url' | 'allowPrivate' | 'timeout'>,
  signingKey?: () => Promise<string>,
  http: Pick<GuardedHttpOptions, 'retry' | 'clock' | 'lookup'> & { nowMs?: () => number } = {},
): FileManager & { close(): void } {
  const { nowMs = Date.now, ...rest } = http;
  const guarded = createGuardedHttp({ allowPrivate, timeoutMs: timeout, ...rest });

  async function call(
    op: string,
    key: ObjectKey,
    idempotencyKey: string,
    body: NonNullable<GuardedRequest['body']>,
    described: Readonly<Record<string, string>>,
  ): Promise<void> {
    const target = new URL(url);
    target.pathname = `${target.pathname.replace(/\/$/, '')}/${op}`;
    const headers = { ...described, 'idempotency-key': idempotencyKey };
    const signed = {
      method: 'POST',
      url: target.href,
      headers,
      body: body instanceof Uint8Array ? body : ('stream' as const),
    };
    await guarded.send({
      op,
      key,
      method: 'POST',
      url: target.href,
      headers,
      body,
      ...(signingKey === undefined
        ? {}
        : { sign: async () => signatureHeaders(signed, await signingKey(), nowMs()) }),
    });
  }

  const callJson = (op: string, key: ObjectKey, idempotencyKey: string, value: unknown) =>
    call(op, key, idempotencyKey, new TextEncoder().encode(JSON.stringify(value)), {
      'content-type': 'application/json',
    });

  return {
    updatePermissions: ({ key, permissions }, idempotencyKey) =>
      callJson('updatePermissions', key, idempotencyKey, { key, permissions }),
    saveToDisk: (head, body, idempotencyKey) =>
      call(
        'saveToDisk',
        head.key,
        idempotencyKey,
        { sizeBytes: head.sizeBytes, open: () => body },
        headersOf(head),
      ),
    async delete(key, idempotencyKey) {
      try {
        await callJson('delete', key, idempotencyKey, { key });
      } catch (error) {
        if (!(error instanceof SyncError) || !HAS_NONE.has(error.code ?? '')) throw error;
      }
    },
    rename: (from, to, idempotencyKey) => callJson('rename', to, idempotencyKey, { from, to }),
    close: () => guarded.close(),
  };
}

/** Headers hold ASCII: keys are percent-encoded, the rest that users chose is base64 of JSON. */
function headersOf(head: ObjectHead): Record<string, string> {
  const { key, sizeBytes, etag, metadata, contentType } = head;
  return {
    'content-type': 'application/octet-stream',
    'sluice-key': encodeURIComponent(key),
    'sluice-etag': etag,
    'sluice-size': String(sizeBytes),
    'sluice-attributes': Buffer.from(
      JSON.stringify({ ...(contentType === undefined ? {} : { contentType }), metadata }),
    ).toString('base64'),
  };
}
