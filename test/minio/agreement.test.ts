/** What other tools say of what Sluice has synced: each finds nothing left to do, and each would find a difference. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { stringify } from 'yaml';
import { objectKey } from '#core/key.ts';
import { mcDiff } from '../bench/contenders/mc.ts';
import { programs } from '../bench/programs.ts';
import { agentUnderTest, agentYaml, storeCredentials } from '../edge-agent/agent-process.ts';
import { awsCli } from '../setup/aws-cli.ts';
import { storeAt } from '../systems/relic-host.ts';
import { plantOddTree, touch } from './odd-tree.ts';

vi.setConfig({ testTimeout: 120_000 });

const PROJECT_FILES = join(import.meta.dirname, '../../.sluice');
const IGNORED = '.sluice/**';
const PART_BYTES = 5 * 1024 * 1024;
const tools = { rclone: '', mc: '', aws: '' };

beforeAll(async () => {
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const peers = programs(say, PROJECT_FILES);
  tools.rclone = await peers.rclone();
  tools.mc = await peers.mc();
  tools.aws = await awsCli(PROJECT_FILES, say);
});

/** A tree of odd files in mode `mirror`, and what the tools need to look at it and at its bucket. */
async function synced() {
  const agent = await agentUnderTest({
    config: (place) =>
      agentYaml(place, { mode: 'mirror', ignoreTemporary: false }, { limits: { partBytes: PART_BYTES } }),
  });
  const paths = plantOddTree(agent.folder);
  const sync = async () => {
    const once = agent.start('once');
    expect(await once.exit, once.output()).toBe(0);
  };
  await sync();
  const { accessKeyId, secretAccessKey } = storeCredentials();
  const environment = {
    PATH: process.env.PATH,
    HOME: agent.base,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: 'us-east-1',
    RCLONE_CONFIG_HUB_TYPE: 's3',
    RCLONE_CONFIG_HUB_PROVIDER: 'Minio',
    RCLONE_CONFIG_HUB_ENV_AUTH: 'true',
    RCLONE_CONFIG_HUB_ENDPOINT: agent.endpoint,
  };
  const run = (program: string, ...args: string[]) => said(program, args, environment);
  const rclone = (...args: string[]) => run(tools.rclone, ...args, '--config=', '--exclude', IGNORED);
  return { ...agent, paths, sync, run, rclone, remote: `HUB:${agent.bucket}/output` };
}

/** Exit code and all that was printed: a tool that finds a difference says so in either. */
async function said(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { env: environment });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, text: stdout + stderr };
  }
}

const sorted = ({ text }: { text: string }) => text.split('\n').toSorted();

it('rclone check finds the bucket as the tree is, byte for byte, and one byte that differs', async () => {
  const { folder, store, paths, rclone, remote } = await synced();
  const check = (...more: string[]) => rclone('check', folder, remote, ...more);
  const agreed = await check();
  expect(agreed, agreed.text).toMatchObject({ code: 0 });
  expect(agreed.text).toContain('0 differences found');
  expect(agreed.text).toContain(`${paths.length} matching files`);
  const downloaded = await check('--download');
  expect(downloaded, downloaded.text).toMatchObject({ code: 0 });
  expect(downloaded.text).toContain(`${paths.length} matching files`);

  await store.put(objectKey('output/plain'), Buffer.from('plaim'), { metadata: {} });
  const differing = await check();
  expect(differing.code).not.toBe(0);
  expect(differing.text).toContain('1 differences found');
});

it('rclone lsl reads back sizes and times of the tree from the bucket, to the nanosecond', async () => {
  const { folder, paths, sync, rclone, remote } = await synced();
  const [local, stored] = [await rclone('lsl', folder), await rclone('lsl', remote)];
  expect(sorted(stored)).toEqual(sorted(local));
  expect(stored.text.trimEnd().split('\n')).toHaveLength(paths.length);
  expect(stored.text).toContain('.999999999 dates/last nanosecond');

  touch(join(folder, 'plain'), '2024-02-29 12:34:56.123456788 UTC');
  expect(sorted(await rclone('lsl', folder))).not.toEqual(sorted(stored));
  await sync();
  expect(sorted(await rclone('lsl', remote))).toEqual(sorted(await rclone('lsl', folder)));
});

it('aws s3 sync has nothing to send, but what changed and what is dated in the future', async () => {
  const { folder, bucket, endpoint, run } = await synced();
  const sync = () =>
    run(
      tools.aws,
      ...['s3', 'sync', folder, `s3://${bucket}/output`, '--dryrun', '--exact-timestamps'],
      ...['--exclude', '.sluice/*', '--endpoint-url', endpoint],
    );
  expect(await sync()).toEqual({ code: 0, text: '' });

  // It compares sizes, and whether the file is newer than the object: never content.
  touch(join(folder, 'deep0'), '2100-01-01 UTC');
  writeFileSync(join(folder, 'ünï'), 'longer than before');
  const differing = await sync();
  expect(differing.text.match(/^\(dryrun\) upload: .*$/gm)).toHaveLength(2);
  expect(differing.text).toContain('/output/deep0');
  expect(differing.text).toContain('/output/ünï');
});

it('rclone and mc find a bucket and its mirror the same, and an object that is missing', async () => {
  const { base, bucket, endpoint, folder, paths, rclone, remote } = await synced();
  const mirroring = await agentUnderTest({
    bucket,
    config: (place) =>
      stringify({
        buckets: [
          {
            name: 'hub',
            source: { bucket, endpoint, type: 'minio' },
            prefix: 'output/',
            destinations: [
              { name: 'backup', bucket: `${bucket}-backup`, endpoint, type: 'minio', createBucket: true },
            ],
          },
        ],
        stateDirectory: join(place.base, 'state'),
      }),
  });
  const once = mirroring.start('once');
  expect(await once.exit, once.output()).toBe(0);
  const backup = storeAt(`${bucket}-backup`);
  onTestFinished(() => backup.close());
  const check = await rclone('check', remote, `HUB:${backup.bucket}/output`);
  expect(check.text).toContain(`${paths.length} matching files`);
  expect(sorted(await rclone('lsl', `HUB:${backup.bucket}/output`))).toEqual(
    sorted(await rclone('lsl', folder)),
  );
  const target = (name: string) => ({ endpoint, bucket: name, ...storeCredentials() });
  const { program, args, environment } = mcDiff(tools.mc, target(bucket), target(backup.bucket));
  const below = args.map((one) => (one.includes(bucket) ? `${one}output/` : one));
  const diff = () => said(program, below, { ...environment, PATH: process.env.PATH, HOME: base });
  expect(await diff()).toEqual({ code: 0, text: '' });

  await backup.delete(objectKey('output/plus+'));
  expect((await diff()).text).toContain('output/plus+');
});
