/** Secrets that are kept as JSON in Secrets Manager. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SyncError } from '#core/errors.ts';
import * as z from '#core/schema.ts';

/** A rotated secret is read again after that long. */
export const BELIEVED_MS = 10 * 60_000;

const signingKey = z.object({ signingKey: z.string().check(z.minLength(1)) });

/**
 * Reads the secret anew with every call.
 *
 * @param secretId its name or ARN
 * @param shape for the hint: what the secret should hold
 * @throws SyncError naming the secret, never what is in it
 */
export function secretReader<Schema extends z.ZodMiniType>(
  secretId: string,
  schema: Schema,
  shape: string,
): () => Promise<z.output<Schema>> {
  let client: SecretsManagerClient | undefined;
  return async () => {
    // Here, because most functions read no secret: their start is spared it.
    const sdk = await import('@aws-sdk/client-secrets-manager');
    client ??= new sdk.SecretsManagerClient();
    try {
      const { SecretString } = await client.send(new sdk.GetSecretValueCommand({ SecretId: secretId }));
      return parse(secretId, SecretString ?? '', schema, shape);
    } catch (error) {
      if (error instanceof SyncError) throw error;
      const code = error instanceof Error ? error.name : 'Unknown';
      const missing = code === 'ResourceNotFoundException' || code === 'AccessDeniedException';
      throw fault(secretId, `cannot be read: ${code}`, shape, { retryable: !missing, code, cause: error });
    }
  };
}

/** The `signingKey` of the secret, as far as it was read in the last ten minutes. */
export function secretSigningKey(secretId: string, nowMs: () => number = Date.now): () => Promise<string> {
  const read = secretReader(secretId, signingKey, '{"signingKey": "…"}');
  let known: { key: Promise<string>; atMs: number } | undefined;
  return async () => {
    if (known === undefined || nowMs() - known.atMs > BELIEVED_MS) {
      known = { key: read().then((secret) => secret.signingKey), atMs: nowMs() };
    }
    const asked = known;
    try {
      return await asked.key;
    } catch (error) {
      if (known === asked) known = undefined;
      throw error;
    }
  };
}

function parse<Schema extends z.ZodMiniType>(
  secretId: string,
  text: string,
  schema: Schema,
  shape: string,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's message quotes the text, which is the secret: it goes no further.
    throw fault(secretId, 'is not JSON', shape, { retryable: false, code: 'BadSecret' });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw fault(secretId, `lacks ${fields || 'an object'}`, shape, { retryable: false, code: 'BadSecret' });
}

function fault(
  secretId: string,
  what: string,
  shape: string,
  details: { retryable: boolean; code: string; cause?: unknown },
): SyncError {
  return new SyncError(`secret ${secretId} ${what}`, {
    op: 'GetSecretValue',
    hint: `It must hold JSON ${shape} and be readable by this function.`,
    ...details,
  });
}
