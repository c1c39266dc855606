/** S3 credentials of a destination, kept as JSON in Secrets Manager. */
import * as z from '#core/schema.ts';
import { type CredentialSource, cachedCredentials } from './s3/credentials.ts';
import { BELIEVED_MS, secretReader } from './secret.ts';

const secret = z.object({
  accessKeyId: z.string().check(z.minLength(1)),
  secretAccessKey: z.string().check(z.minLength(1)),
  sessionToken: z.optional(z.string()),
});

/** A refusal of the store that says "expired" reads the secret at once. @throws SyncError naming the secret, never what is in it. */
export function secretCredentials(secretId: string): CredentialSource {
  const read = secretReader(secretId, secret, '{"accessKeyId": "…", "secretAccessKey": "…"}');
  return cachedCredentials(async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await read();
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      expiration: new Date(Date.now() + BELIEVED_MS),
    };
  });
}
