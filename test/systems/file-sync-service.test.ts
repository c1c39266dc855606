/** System C of the predecessors, on the configuration that it documents: a watched folder -> S3 and CloudFront. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import { cdnEndpoint, invalidationsOf, newDistribution } from '../doubles/distribution.ts';
import {
  type AgentOptions,
  type AgentUnderTest,
  agentUnderTest,
  type Place,
  storeCredentials,
} from '../edge-agent/agent-process.ts';
import { builtAgent } from '../setup/built-agent.ts';
import { importing, runImport } from './imported-config.ts';
import { loopbackProxy } from './loopback-proxy.ts';

vi.setConfig({ testTimeout: 300_000 });

const SOON = { timeout: 120_000 };
const PROJECT = join(import.meta.dirname, '../..');

/** The file that its documentation shows. */
const documented = ({ folder, bucket }: Pick<Place, 'folder' | 'bucket'>, distribution?: string): string => `
# Directory to watch for file changes (absolute path recommended)
watch_path: "${folder}"
s3_bucket: "${bucket}"
s3_region: "us-east-1"
s3_prefix: "uploads"
retry_file: "retry_queue.json"
retry_interval_seconds: 300
cloudfront_enabled: ${distribution !== undefined}
cloudfront_distribution_id: "${distribution ?? ''}"
`;

async function fileSyncService(
  options: {
    address?: string;
    distribution?: string;
    change?: (yaml: string) => string;
  } & Pick<AgentOptions, 'environment' | 'wrapper' | 'program'> = {},
): Promise<AgentUnderTest> {
  const { address, distribution, change, environment, ...rest } = options;
  return agentUnderTest({
    ...rest,
    environment: {
      SLUICE_STORE_ENDPOINT: address === undefined ? inject('endpoint') : `http://${address}`,
      ...environment,
    },
    config: importing('file-sync-service', (place) => documented(place, distribution), change),
  });
}

function write(folder: string, path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** Without what the agent tried the store out with, when it was killed just then. */
const keysIn = async (store: ObjectStore) =>
  (await Array.fromAsync(store.list('uploads/')))
    .map(({ key }) => key)
    .filter((key) => !key.includes('.sluice-probe-'));
const uploads = (output: string, key: string) =>
  output.split('\n').filter((line) => line.includes(`uploaded ${key} `));

it('C1 uploads what is created and what changes to {prefix}/{relative path}, and keeps the files', async () => {
  const { folder, store, start } = await fileSyncService();
  write(folder, 'before/start.txt', 'there already');
  const agent = start('run');
  await agent.says('watching');
  await agent.says('uploaded uploads/before/start.txt');
  write(folder, 'a/b/new.txt', 'new');
  await agent.says('uploaded uploads/a/b/new.txt');
  write(folder, 'before/start.txt', 'changed');
  await expect.poll(() => contentOf(store, objectKey('uploads/before/start.txt')), SOON).toBe('changed');
  expect(await contentOf(store, objectKey('uploads/a/b/new.txt'))).toBe('new');
  expect(readFileSync(join(folder, 'a/b/new.txt'), 'utf8')).toBe('new');
});

it('C2 deletes the object of a file that is deleted, and carries a rename without an upload', async () => {
  const { folder, store, start } = await fileSyncService();
  for (const name of ['a', 'b', 'c']) write(folder, name, name);
  const agent = start('run');
  for (const name of ['a', 'b', 'c']) await agent.says(`uploaded uploads/${name}`);
  unlinkSync(join(folder, 'a'));
  await agent.says('deleted uploads/a');
  renameSync(join(folder, 'b'), join(folder, 'b2'));
  await agent.says('copied uploads/b2');
  await agent.says('deleted uploads/b');
  expect(await keysIn(store)).toEqual(['uploads/b2', 'uploads/c']);
  expect(await contentOf(store, objectKey('uploads/b2'))).toBe('b');
});

it('C2 holds a mass deletion until somebody approves it', async () => {
  const { folder, store, start } = await fileSyncService();
  for (let index = 0; index < 20; index++) write(folder, `f${index}`, `${index}`);
  const agent = start('run');
  await expect.poll(() => keysIn(store), SOON).toHaveLength(20);
  await agent.says('watching');
  for (let index = 0; index < 15; index++) unlinkSync(join(folder, `f${index}`));
  await agent.says('held: 15 deletes wait for approval');
  expect(await keysIn(store)).toHaveLength(20);
  const approve = start('approve-deletes', '--folder', 'files');
  expect(await approve.exit).toBe(0);
  await expect.poll(() => keysIn(store), SOON).toHaveLength(5);
});

it('C3 watches new subdirectories at once and misses nothing that was created inside them before', async () => {
  const { base, folder, store, start } = await fileSyncService();
  const agent = start('run');
  await agent.says('watching');
  execFileSync(
    'sh',
    [
      '-c',
      'for d in 1 2 3 4 5; do mkdir -p n$d/x/y; for f in 1 2 3 4; do echo $d$f > n$d/x/y/$f; done; done',
    ],
    {
      cwd: folder,
    },
  );
  mkdirSync(join(base, 'elsewhere/in'), { recursive: true });
  writeFileSync(join(base, 'elsewhere/in/moved'), 'moved');
  renameSync(join(base, 'elsewhere'), join(folder, 'arrived'));
  await expect.poll(() => keysIn(store), SOON).toHaveLength(21);
  expect(await contentOf(store, objectKey('uploads/n3/x/y/4'))).toBe('34\n');
  write(folder, 'arrived/in/later', 'later');
  await agent.says('uploaded uploads/arrived/in/later');
});

it("C4 ignores hidden, temporary and editors' files, and what the user's own patterns name", async () => {
  const { folder, store, start } = await fileSyncService({
    change: (yaml) => yaml.replace(/( *)ignoreTemporary: true/, '$&\n$1ignore: ["*.log", "/cache/"]'),
  });
  const ignored = [
    '.hidden',
    '.git/config',
    'a.tmp',
    'b.swp',
    'c~',
    'd.tmp.123',
    'e.log',
    'cache/f',
    'deep/.g',
  ];
  const kept = ['a.tmpl', 'deep/cache/f', 'swp', 'tmp', '~x'];
  const agent = start('run');
  await agent.says('watching');
  for (const name of [...ignored, ...kept]) write(folder, name, name);
  await expect.poll(() => keysIn(store), SOON).toEqual(kept.map((name) => `uploads/${name}`).sort());
  // Renamed, as browsers and editors finish a file, it is one to upload.
  renameSync(join(folder, 'a.tmp'), join(folder, 'finished'));
  await agent.says('uploaded uploads/finished');
  expect(await start('once').exit).not.toBe(2);
  expect(await keysIn(store)).toEqual([...kept, 'finished'].map((name) => `uploads/${name}`).sort());
});

it('C5 makes one upload of a burst of changes, when the writer has closed the file', async () => {
  const { folder, store, start } = await fileSyncService();
  const agent = start('run');
  await agent.says('watching');
  const writer = openSync(join(folder, 'burst'), 'w');
  for (let index = 0; index < 500; index++) writeSync(writer, `line ${index}\n`);
  write(folder, 'other', 'other');
  await agent.says('uploaded uploads/other');
  expect(await store.head(objectKey('uploads/burst'))).toBeUndefined();
  closeSync(writer);
  await agent.says('uploaded uploads/burst');
  write(folder, 'last', 'last');
  await agent.says('uploaded uploads/last');
  expect(uploads(agent.output(), 'uploads/burst')).toHaveLength(1);
  expect(await contentOf(store, objectKey('uploads/burst'))).toMatch(/line 499\n$/);
});

it('C6 does after a restart, once S3 is back, what failed while it was away', async () => {
  const proxy = await loopbackProxy();
  const { folder, store, start } = await fileSyncService({ address: proxy.address });
  for (const name of ['stays', 'changes', 'goes']) write(folder, name, name);
  const first = start('run');
  for (const name of ['stays', 'changes', 'goes']) await first.says(`uploaded uploads/${name}`);
  await proxy.goAway();
  write(folder, 'new', 'new');
  write(folder, 'changes', 'changed');
  await first.says('cannot be reached');
  first.process.kill('SIGKILL');
  await first.exit;
  unlinkSync(join(folder, 'goes'));
  const second = start('run');
  await second.says('cannot be reached');
  await expect
    .poll(async () => {
      const status = start('status', '--json');
      await status.exit;
      return JSON.parse(status.output()).folders[0].waiting;
    }, SOON)
    .toBeGreaterThan(0);
  await proxy.comeBack();
  await expect.poll(() => keysIn(store), SOON).toEqual(['uploads/changes', 'uploads/new', 'uploads/stays']);
  await expect.poll(() => contentOf(store, objectKey('uploads/changes')), SOON).toBe('changed');
  expect(uploads(second.output(), 'uploads/stays')).toEqual([]);
});

it('C7 invalidates the CloudFront paths of what is uploaded and deleted, batched and each once', async () => {
  const distribution = await newDistribution();
  const { folder, start } = await fileSyncService({
    distribution,
    environment: { SLUICE_CDN_ENDPOINT: cdnEndpoint(), SLUICE_CDN_WINDOW: '2s' },
  });
  write(folder, 'a b.txt', 'one');
  write(folder, 'dir/c.txt', 'two');
  const agent = start('run');
  await expect
    .poll(() => invalidationsOf(distribution), SOON)
    .toEqual([['/uploads/a%20b.txt', '/uploads/dir/c.txt']]);
  unlinkSync(join(folder, 'a b.txt'));
  await agent.says('deleted uploads/a b.txt');
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect((await invalidationsOf(distribution)).at(-1)).toEqual(['/uploads/a%20b.txt']);
});

it('C8 finds credentials as the AWS default chain does: environment, profile file, container, instance', async () => {
  const { accessKeyId, secretAccessKey } = storeCredentials();
  const issued = {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: '',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(
      request.method === 'PUT'
        ? 'token'
        : request.url?.endsWith('/security-credentials/')
          ? 'role'
          : JSON.stringify({ Code: 'Success', ...issued }),
    );
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const home = mkdtempSync(join(tmpdir(), 'sluice-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  writeFileSync(
    join(home, 'credentials'),
    `[host]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  );
  const none = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, HOME: home };
  const chain: Record<string, Record<string, string | undefined>> = {
    environment: {},
    profile: {
      ...none,
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
      AWS_PROFILE: 'host',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    container: { ...none, AWS_CONTAINER_CREDENTIALS_FULL_URI: `${here}/container` },
    instance: { ...none, AWS_EC2_METADATA_SERVICE_ENDPOINT: here },
  };
  for (const [name, environment] of Object.entries(chain)) {
    const proxy = await loopbackProxy();
    const signed = proxy.passes(`Credential=${accessKeyId}/`);
    const { folder, start } = await fileSyncService({ address: proxy.address, environment });
    write(folder, name, name);
    const agent = start('run');
    await agent.says(`uploaded uploads/${name}`);
    await signed;
    agent.process.kill('SIGTERM');
    expect(await agent.exit).toBe(0);
    expect(agent.output()).not.toContain(secretAccessKey === 'test' ? 'aws_secret' : secretAccessKey);
  }
  expect(asked).toContain('GET /container');
  expect(asked.at(-1)).toMatch(/^GET \/latest\/meta-data\/iam\/security-credentials\/role/);
});

it.each(['SIGTERM', 'SIGINT'] as const)(
  'C9 on %s takes no more work, finishes or gives back what is in flight, and exits with 0',
  async (signal) => {
    const proxy = await loopbackProxy();
    const { folder, store, start } = await fileSyncService({ address: proxy.address });
    const first = start('run');
    await first.says('watching');
    const uploading = proxy.passes('/uploads/in-flight');
    write(folder, 'in-flight', 'x'.repeat(3_000_000));
    await uploading;
    first.process.kill(signal);
    await first.says(`${signal}: finishing what is in flight`);
    write(folder, 'too-late', 'later');
    expect(await first.exit).toBe(0);
    expect(first.output()).toMatch(/stopped\n$/);
    expect(await store.head(objectKey('uploads/too-late'))).toBeUndefined();
    const second = start('run');
    await expect.poll(() => keysIn(store), SOON).toEqual(['uploads/in-flight', 'uploads/too-late']);
    expect((await store.head(objectKey('uploads/in-flight')))?.sizeBytes).toBe(3_000_000);
    second.process.kill(signal);
    expect(await second.exit).toBe(0);
  },
);

it('C10 logs and counts a file that it may not read, and goes on with the rest', async () => {
  // Root may read everything, unless it gives that up.
  const dropped = '-dac_override,-dac_read_search';
  const asRoot = process.getuid?.() === 0;
  const { folder, start } = await fileSyncService({
    wrapper: asRoot ? ['setpriv', `--inh-caps=${dropped}`, `--bounding-set=${dropped}`] : [],
  });
  write(folder, 'secret', 'theirs');
  chmodSync(join(folder, 'secret'), 0);
  const agent = start('run');
  await agent.says('secret: EACCES');
  write(folder, 'readable', 'fine');
  await agent.says('uploaded uploads/readable');
  const status = start('status', '--json');
  await status.exit;
  const [one] = JSON.parse(status.output()).folders;
  expect(one.waiting + one.parked).toBe(1);
  chmodSync(join(folder, 'secret'), 0o644);
  expect(await start('retry').exit).toBe(0);
  await agent.says('uploaded uploads/secret');
});

it('C11 names in one message each key that is wrong and what was expected, exits with 2, and touches nothing', async () => {
  const { base, folder, config, store, start } = await fileSyncService();
  const imported = runImport(
    'file-sync-service',
    base,
    'watch_path: uploads\nretry_interval_seconds: soon\ncloudfront_enabled: true\n',
  );
  expect(imported.exitCode).toBe(2);
  expect(imported.yaml).toBe('');
  expect(imported.notes).toMatch(/: watch_path: found "uploads", expected an absolute path/);
  expect(imported.notes).toMatch(/: s3_bucket: found nothing, expected the name of a bucket/);
  expect(imported.notes).toMatch(/: retry_interval_seconds: found "soon", expected a number of seconds/);

  write(folder, 'a', 'a');
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace('mode: mirror', 'mode: mirrored').replace('bucket:', 'buckte:'),
  );
  for (const command of ['run', 'once']) {
    const agent = start(command);
    expect(await agent.exit).toBe(2);
    expect(agent.output()).toMatch(/folders\[0\]\.mode: found "mirrored", expected one of "move", "mirror"/);
    expect(agent.output()).toMatch(/store\.buckte: found an unknown setting, expected bucket/);
  }
  expect(readdirSync(folder)).toEqual(['a']);
  expect(readdirSync(base)).not.toContain('state');
  expect(await keysIn(store)).toEqual([]);
});

it('C12 runs as a single executable, without node and without this project', {
  timeout: 300_000,
}, async () => {
  mkdirSync(join(PROJECT, 'dist'), { recursive: true });
  const built = mkdtempSync(join(PROJECT, 'dist/systems-'));
  onTestFinished(() => rmSync(built, { recursive: true }));
  const executable = await builtAgent(built);
  const { base, folder, store, start } = await fileSyncService({
    program: [executable],
    environment: { PATH: '/nonexistent' },
  });
  write(folder, 'sub/a.txt', 'a');
  const agent = start('run');
  await agent.says('uploaded uploads/sub/a.txt');
  unlinkSync(join(folder, 'sub/a.txt'));
  await agent.says('deleted uploads/sub/a.txt');
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(await keysIn(store)).toEqual([]);
  const old = join(base, 'old.yml');
  writeFileSync(old, documented({ folder, bucket: 'b' }));
  expect(
    execFileSync(executable, ['import', 'file-sync-service', old], {
      encoding: 'utf8',
      env: {},
      stdio: 'pipe',
    }),
  ).toContain('mode: mirror');
});

it('C12 comes with a systemd unit that restarts it, stops it in order and confines it', () => {
  const unit = readFileSync(join(PROJECT, 'edge-agent/packaging/sluice-agent.service'), 'utf8');
  const settings = new Map(
    unit.split('\n').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
  expect(settings.get('ExecStart')).toMatch(/ run --config \S+$/);
  expect(settings.get('Type')).toBe('notify');
  expect(settings.get('Restart')).toMatch(/^(always|on-failure)$/);
  expect(settings.get('NoNewPrivileges')).toMatch(/^(yes|true)$/);
  expect(settings.get('ProtectSystem')).toBe('strict');
  expect(settings.get('StateDirectory')).toBe('sluice');
  expect(settings.get('WantedBy')).toBe('multi-user.target');
});
