/** Sources of credentials as hosts have them: files, processes, and the endpoints of containers and instances. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, expect, it, vi } from 'vitest';
import { agentCredentials } from '#adapters/s3/agent-credentials.ts';
import type { CredentialSource } from '#adapters/s3/credentials.ts';
import { objectKey } from '#core/key.ts';
import { errorAnswer, serveHttp, storeAt } from './scripted-server.ts';

const SECRET = 'canary+secret/of+this+test';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-credentials-'));
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'no-credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'no-config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  return () => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true, force: true });
  };
});

const section = (id: string, name = 'default') =>
  `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key = ${SECRET}\n`;
const answer = (id: string, leftMs: number) => ({
  AccessKeyId: id,
  SecretAccessKey: SECRET,
  Expiration: new Date(Date.now() + leftMs).toISOString(),
});

function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

function script(text: string): string {
  const file = write('process.sh', `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o700);
  return file;
}

async function refusal(
  source: CredentialSource,
): Promise<{ message: string; hint: string; retryable: boolean }> {
  const failure: unknown = await source().catch((caught: unknown) => caught);
  expect(failure).toMatchObject({ name: 'SyncError', code: 'NoCredentials', hint: expect.any(String) });
  expect(inspect(failure, { depth: null, showHidden: true })).not.toContain('canary');
  return failure as { message: string; hint: string; retryable: boolean };
}

/** A store that takes one access key only, and refuses others with the code. */
async function storeFor(credentials: CredentialSource, code: string) {
  let valid = '';
  const server = await serveHttp((response, request) =>
    request.headers.authorization?.includes(`Credential=${valid}/`)
      ? response.writeHead(204).end()
      : errorAnswer(403, code)(response, request),
  );
  const store = storeAt(server.endpoint, { credentials });
  return {
    seen: server.seen,
    takes: (id: string) => {
      valid = id;
    },
    request: () => store.delete(objectKey('k')),
  };
}

it('reads the environment variables that the settings name, and names the one that is missing', async () => {
  const credentials = { accessKeyVariable: 'MINIO_ACCESS_KEY', secretKeyVariable: 'MINIO_SECRET_KEY' };
  const full = agentCredentials({ credentials }, { MINIO_ACCESS_KEY: 'id', MINIO_SECRET_KEY: SECRET });
  expect(await full()).toEqual({ accessKeyId: 'id', secretAccessKey: SECRET });
  for (const environment of [{ MINIO_ACCESS_KEY: 'id' }, { MINIO_ACCESS_KEY: 'id', MINIO_SECRET_KEY: '' }]) {
    const { message, retryable } = await refusal(agentCredentials({ credentials }, environment));
    expect(message).toContain('MINIO_SECRET_KEY is');
    expect(retryable).toBe(false);
  }
});

it('takes a rotated file without a restart', async () => {
  const file = write('keys', section('old'));
  const store = await storeFor(agentCredentials({ credentials: { file } }), 'InvalidAccessKeyId');
  store.takes('old');
  await store.request();
  write('keys', section('new'));
  store.takes('new');
  await store.request();
  expect(store.seen).toHaveLength(3);
});

it('does not mix a file with what ~/.aws has', async () => {
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', write('other', section('other')));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET);
  const file = write('keys', section('id', 'backup'));
  const read = agentCredentials({ credentials: { file }, profile: 'backup' });
  expect(await read()).toMatchObject({ accessKeyId: 'id' });
  const { message } = await refusal(agentCredentials({ credentials: { file } }));
  expect(message).toContain(`${file}, section [default]`);
});

it('names a file that is missing, and finds it once it is there', async () => {
  const file = join(directory, 'keys');
  const source = agentCredentials({ credentials: { file } });
  const { message, retryable } = await refusal(source);
  expect(message).toContain(`${file} cannot be read (ENOENT)`);
  expect(retryable).toBe(true);
  write('keys', section('id'));
  expect(await source()).toMatchObject({ accessKeyId: 'id' });
});

it('runs credential_process, and again when the store says that what it gave has expired', async () => {
  const out = write('out.json', JSON.stringify({ Version: 1, ...answer('first', 3_600_000) }));
  const file = write('keys', `[default]\ncredential_process = ${script(`cat ${out}`)}\n`);
  const store = await storeFor(agentCredentials({ credentials: { file } }), 'ExpiredToken');
  store.takes('first');
  await store.request();
  write('out.json', JSON.stringify({ Version: 1, ...answer('second', 3_600_000) }));
  store.takes('second');
  await store.request();
  expect(store.seen).toHaveLength(3);
});

it.each([
  ['fails and prints the secret', `echo ${SECRET} >&2; exit 3`, 'credential_process failed'],
  ['prints no JSON', `echo ${SECRET}`, 'credential_process returned invalid JSON'],
  ['prints no key', `echo '{"Version": 1, "SecretAccessKey": "${SECRET}"}'`, 'returned invalid credentials'],
])('says of a credential_process that %s only that it does', async (_what, command, reason) => {
  const file = write('keys', `[default]\ncredential_process = ${script(command)} --token ${SECRET}\n`);
  expect((await refusal(agentCredentials({ credentials: { file } }))).message).toContain(reason);
});

it('takes a profile, and does not go on to the role of the host where its name is misspelt', async () => {
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', write('aws', section('id', 'backup')));
  expect(await agentCredentials({ profile: 'backup' })()).toMatchObject({ accessKeyId: 'id' });
  const { endpoint } = await serveHttp((response) =>
    response.end(JSON.stringify({ ...answer('host', 3_600_000), Token: 't' })),
  );
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${endpoint}/role`);
  expect((await refusal(agentCredentials({ profile: 'bakcup' }))).message).toContain('profile bakcup');
});

it('takes the environment of the default chain, and says what there is when it has nothing', async () => {
  const { message, hint } = await refusal(agentCredentials({}));
  expect(message).toContain('default chain');
  expect(hint).toContain('AWS_ACCESS_KEY_ID');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET);
  expect(await agentCredentials({})()).toMatchObject({ accessKeyId: 'id', secretAccessKey: SECRET });
});

it('takes the role of a container, and its next credentials when these expire while it runs', async () => {
  let given = answer('first', 1000);
  const { endpoint, seen } = await serveHttp((response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...given, Token: 't' })),
  );
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${endpoint}/role`);
  vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'Bearer of-the-container');
  const store = await storeFor(agentCredentials({}), 'ExpiredToken');
  store.takes('first');
  await store.request();
  given = answer('second', 3_600_000);
  store.takes('second');
  await store.request();
  expect(store.seen.map(({ headers }) => headers['x-amz-security-token'])).toEqual(['t', 't', 't']);
  expect(seen.map(({ headers }) => headers.authorization)).toContain('Bearer of-the-container');
});

it('takes the role of an instance, asking only with a session token of its metadata service', async () => {
  const { endpoint, seen } = await serveHttp((response, { method, url, headers }) => {
    if (method === 'PUT' && url === '/latest/api/token') return response.end('imds-session');
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-session') return response.writeHead(401).end();
    if (!url?.endsWith('/agent-role')) return response.end('agent-role');
    return response.end(JSON.stringify({ Code: 'Success', ...answer('instance', 3_600_000), Token: 't' }));
  });
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined);
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', endpoint);
  const credentials = await agentCredentials({})();
  expect(credentials).toMatchObject({ accessKeyId: 'instance', sessionToken: 't' });
  expect(seen[0]?.method).toBe('PUT');
});

it('does not quote an answer of a metadata service that cannot be read', async () => {
  const { endpoint } = await serveHttp((response) => response.end(`{"SecretAccessKey": "${SECRET}`));
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${endpoint}/role`);
  await refusal(agentCredentials({}));
});
