/** S3 credentials of a destination, kept as JSON in Secrets Manager. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { SyncError } from '#core/errors.ts';
import { type CredentialSource, cachedCredentials } from './s3/credentials.ts';

const secret = z.object({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().optional(),
});
/** A rotated secret is read again after that long; a refusal of the store that says "expired" reads it at once. */
const BELIEVED_MS = 10 * 60_000;

/** @throws SyncError naming the secret, never what is in it. */
export function secretCredentials(secretId: string): CredentialSource {
  const client = new SecretsManagerClient();
  return cachedCredentials(async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = parse(secretId, await read(client, secretId));
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      expiration: new Date(Date.now() + BELIEVED_MS),
    };
  });
}

async function read(client: SecretsManagerClient, secretId: string): Promise<string> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return SecretString ?? '';
  } catch (error) {
    const code = error instanceof Error ? error.name : 'Unknown';
    const missing = code === 'ResourceNotFoundException' || code === 'AccessDeniedException';
    throw fault(secretId, `cannot be read: ${code}`, { retryable: !missing, code, cause: error });
  }
}

function parse(secretId: string, text: string): z.output<typeof secret> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's message quotes the text, which is the secret: it goes no further.
    throw fault(secretId, 'is not JSON', { retryable: false, code: 'BadSecret' });
  }
  const result = secret.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw fault(secretId, `lacks ${fields || 'an object'}`, { retryable: false, code: 'BadSecret' });
}

function fault(
  secretId: string,
  what: string,
  details: { retryable: boolean; code: string; cause?: unknown },
): SyncError {
  return new SyncError(`secret ${secretId} ${what}`, {
    op: 'GetSecretValue',
    hint: 'It must hold JSON {"accessKeyId": "…", "secretAccessKey": "…"} and be readable by this function.',
    ...details,
  });
}
