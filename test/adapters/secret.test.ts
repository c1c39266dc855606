import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import * as z from 'zod';
import { secretReader, secretSigningKey } from '#adapters/secret.ts';
import { secretCredentials } from '#adapters/secret-credentials.ts';

let client: SecretsManagerClient;

async function secret(SecretString: string): Promise<string> {
  const Name = `secret-${randomUUID()}`;
  await client.send(new CreateSecretCommand({ Name, SecretString }));
  return Name;
}

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL', inject('endpoint'));
  client = new SecretsManagerClient();
  return () => client.destroy();
});

describe('a secret', () => {
  it('is read as JSON of its shape', async () => {
    const name = await secret('{"token":"t","more":1}');
    expect(await secretReader(name, z.object({ token: z.string() }), '{"token"}')()).toEqual({ token: 't' });
    const keys = await secret('{"accessKeyId":"a","secretAccessKey":"b"}');
    expect(await secretCredentials(keys)()).toMatchObject({ accessKeyId: 'a', secretAccessKey: 'b' });
  });

  it.each([
    ['geheim', 'is not JSON'],
    ['{"token":"geheim"}', 'lacks signingKey'],
    ['"geheim"', 'lacks an object'],
    ['{"signingKey":"","other":"geheim"}', 'lacks signingKey'],
  ])('that is wrong is told of without its content: %s', async (text, problem) => {
    const name = await secret(text);
    const error: unknown = await secretSigningKey(name)().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: 'SyncError', code: 'BadSecret', retryable: false });
    expect(String(error)).toContain(`secret ${name} ${problem}`);
    expect(JSON.stringify(error) + String(error)).not.toContain('geheim');
  });

  it('that does not exist is named', async () => {
    await expect(secretSigningKey('no-such-secret')()).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
      retryable: false,
      message: expect.stringContaining('no-such-secret'),
    });
  });

  it('with a signing key is read again after ten minutes, and after a failure at once', async () => {
    const SecretId = await secret('not yet');
    let nowMs = 0;
    const key = secretSigningKey(SecretId, () => nowMs);
    const write = (signingKey: string) =>
      client.send(new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify({ signingKey }) }));
    await expect(key()).rejects.toThrow();
    await write('one');
    expect(await Promise.all([key(), key()])).toEqual(['one', 'one']);
    await write('two');
    nowMs = 600_000;
    expect(await key()).toBe('one');
    nowMs = 600_001;
    expect(await key()).toBe('two');
  });
});
