import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ops, opsStack } from './stack.ts';

let stack: Awaited<ReturnType<typeof opsStack>>;
beforeAll(async () => {
  stack = await opsStack();
});

describe('import', () => {
  const write = async (text: string) => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-import-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, '.env');
    await writeFile(file, text);
    return file;
  };
  const relic = 'S3_SYNC_ACCESS_KEY=KEY1\nS3_SYNC_SECRET_KEY=hunter2\nS3_SYNC_BUCKET=backups\n';

  it('prints the settings, and puts the secrets where nobody sees them, once', async () => {
    const name = `r${stack.name.slice(-8)}`;
    const args = ['import', 'relic', await write(relic), '--name', name, '--create-secrets'];
    const { code, printed, noted } = await ops(args);
    expect(code).toBe(0);
    expect(printed).toMatch(
      /^# yaml-language-server: \$schema=docs\/sluice\.schema\.json\n# Imported from relic/,
    );
    expect(printed).toContain(`credentials: ${name}/backup`);
    expect(noted).toContain(`created secret ${name}/backup (keys of the destination)`);
    expect(printed + noted).not.toMatch(/KEY1|hunter2/);
    const secrets = new SecretsManagerClient();
    const value = async (of: string) =>
      JSON.parse((await secrets.send(new GetSecretValueCommand({ SecretId: of }))).SecretString ?? '');
    expect(await value(`${name}/backup`)).toEqual({ accessKeyId: 'KEY1', secretAccessKey: 'hunter2' });
    const { token } = await value(`${name}/ingest`);
    expect(token).toMatch(/^[\w-]{43}$/);

    const again = await ops(args);
    expect(again.code).toBe(1);
    expect(again.noted).toContain(`${name}/backup exists already and is left as it is`);
    expect((await value(`${name}/ingest`)).token).toBe(token);
  });

  it('answers as JSON with settings, notes and the names of the secrets', async () => {
    const { code, printed } = await ops(['import', 'relic', await write(relic), '--json']);
    expect(code).toBe(0);
    const { settings, notes, secrets } = JSON.parse(printed);
    expect(settings.destinations).toMatchObject([{ bucket: 'backups' }]);
    expect(notes.length).toBeGreaterThan(0);
    expect(secrets).toContainEqual(expect.objectContaining({ fields: ['accessKeyId', 'secretAccessKey'] }));
    expect(printed).not.toMatch(/KEY1|hunter2/);
  });

  it('names everything that is wrong, and ends with 2', async () => {
    const file = await write('S3_SYNC_SECRET_KEY=hunter2\nS3_SYNC_INTERVAL=x\n');
    const { code, printed, noted } = await ops(['import', 'relic', file]);
    expect(code).toBe(2);
    expect(printed).toBe('');
    expect(noted).toContain('S3_SYNC_ACCESS_KEY: found nothing, expected an access key');
    expect(noted).toContain('S3_SYNC_BUCKET: found nothing');
    expect(noted).toContain('S3_SYNC_INTERVAL: found "x"');
    expect(noted).not.toContain('hunter2');
  });

  it.each([
    [['import', 'dropbox', 'x'], 'dropbox cannot be imported; there are s3-sync-service, relic'],
    [['import', 'relic', '/none/.env'], '/none/.env cannot be read'],
    [['import', 'relic', '/none/.env', '--name', 'No Name'], '--name: found "No Name"'],
    [['import', 'relic'], 'usage: ops import SYSTEM ENVFILE'],
  ])('with %j ends with 2', async (args, said) => {
    const { code, noted } = await ops(args);
    expect(code).toBe(2);
    expect(noted).toContain(said);
  });
});
