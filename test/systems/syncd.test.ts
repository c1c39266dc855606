/** System D of the predecessors, on the configuration that it documents: what is new goes to the bucket, with markers. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, inject, it, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import {
  type AgentUnderTest,
  agentUnderTest,
  type Place,
  storeCredentials,
} from '../edge-agent/agent-process.ts';
import { importing, runImport } from './imported-config.ts';
import { loopbackProxy } from './loopback-proxy.ts';

vi.setConfig({ testTimeout: 300_000 });

const PREFIX = 'optional/path/prefix/';
const MIB = 1024 * 1024;

/** The file that its documentation shows. */
function documented({ folder, bucket }: Pick<Place, 'folder' | 'bucket'>, interval: string): string {
  const { accessKeyId, secretAccessKey } = storeCredentials();
  return `aws_access_key=${accessKeyId}
aws_secret_key=${secretAccessKey}
local_dir=${folder}
bucket_name=${bucket}
prefix=${PREFIX}
sync_interval=${interval}
sync_marker_file=syncd.txt
`;
}

async function syncd(
  options: { interval?: string; endpoint?: string | undefined; change?: (yaml: string) => string } = {},
): Promise<AgentUnderTest> {
  const { interval = '0', change } = options;
  const endpoint = 'endpoint' in options ? options.endpoint : inject('endpoint');
  return agentUnderTest({
    environment: {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      SLUICE_STORE_ENDPOINT: endpoint,
    },
    config: (place) =>
      importing(
        'syncd',
        () => documented(place, interval),
        change,
        '--credentials',
        join(place.base, 'credentials'),
      )(place),
  });
}

function write(folder: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

const marked = (folder: string, directory: string) => existsSync(join(folder, directory, 'syncd.txt'));
const keysIn = async (store: ObjectStore) =>
  (await Array.fromAsync(store.list(PREFIX))).map(({ key }) => key.slice(PREFIX.length));
const seed = (store: ObjectStore, name: string, content: string) =>
  store.put(objectKey(PREFIX + name), Buffer.from(content), { metadata: {} });

/** What the settings of one folder say, changed as a user would change them in the imported file. */
const setting = (lines: string[]) => (yaml: string) => {
  const names = lines.map((line) => line.split(':')[0]);
  const kept = yaml.split('\n').filter((line) => !names.includes(line.trim().split(':')[0] ?? ''));
  return kept
    .join('\n')
    .replace(/( *)ignoreTemporary: .*/, ['$&', ...lines.map((line) => `$1${line}`)].join('\n'));
};

/** Markers are for `append` alone. */
const mirroring = (lines: string[]) => (yaml: string) =>
  setting(['mode: mirror', ...lines])(yaml.replace(/^ *marker: .*\n/m, ''));

async function onceWhole(start: AgentUnderTest['start']): Promise<void> {
  const agent = start('once');
  expect(await agent.exit, agent.output()).toBe(0);
}

async function withS3<T>(use: (client: S3Client) => Promise<T>): Promise<T> {
  const client = new S3Client({
    endpoint: inject('endpoint'),
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: storeCredentials(),
  });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

it('D1 syncs once, and its exit code says whether everything is in the bucket', async () => {
  const { folder, store, start } = await syncd();
  write(folder, 'a.txt', 'a');
  write(folder, 'sub/b.txt', 'b');
  const whole = start('run');
  expect(await whole.exit, whole.output()).toBe(0);
  expect(await keysIn(store)).toEqual(['a.txt', 'sub/b.txt']);
  execFileSync('mkfifo', [join(folder, 'sub/pipe')]);
  write(folder, 'c.txt', 'c');
  expect(await start('run').exit).toBe(1);
  expect(await keysIn(store)).toEqual(['a.txt', 'c.txt', 'sub/b.txt']);
});

it('D1 syncs at every interval until it is stopped', async () => {
  const { folder, store, start } = await syncd({ interval: '1s' });
  write(folder, 'first', '1');
  const agent = start('run');
  await agent.says(`uploaded ${PREFIX}first`);
  await agent.says('pass ended');
  write(folder, 'second', '2');
  await agent.says(`uploaded ${PREFIX}second`);
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(await keysIn(store)).toEqual(['first', 'second']);
});

it('D2 uploads only what the bucket does not have, never overwrites and never deletes', async () => {
  const { folder, store, start } = await syncd();
  await seed(store, 'there', 'theirs');
  await seed(store, 'only-in-bucket', 'kept');
  write(folder, 'there', 'ours, and longer');
  write(folder, 'new', 'new');
  const first = start('run');
  expect(await first.exit, first.output()).toBe(0);
  expect(first.output().match(/uploaded /g)).toHaveLength(1);
  expect(await contentOf(store, objectKey(`${PREFIX}there`))).toBe('theirs');
  unlinkSync(join(folder, 'new'));
  expect(await start('run').exit).toBe(0);
  expect(await keysIn(store)).toEqual(['new', 'only-in-bucket', 'there']);
});

it('D3 marks a directory with the time once all in it and below it is in the bucket, children before parents', async () => {
  const { folder, store, start } = await syncd();
  for (const name of ['f', 'a/f', 'a/b/f', 'c/f']) write(folder, name, name);
  const startedMs = Date.now();
  const agent = start('run');
  expect(await agent.exit, agent.output()).toBe(0);
  const order = [...agent.output().matchAll(/ marked (\S+)/g)].map(([, key]) => key);
  expect([...order].sort()).toEqual([PREFIX, `${PREFIX}a`, `${PREFIX}a/b`, `${PREFIX}c`]);
  expect(order.indexOf(`${PREFIX}a/b`)).toBeLessThan(order.indexOf(`${PREFIX}a`));
  expect(order.at(-1)).toBe(PREFIX);
  const time = readFileSync(join(folder, 'a/b/syncd.txt'), 'utf8').trim();
  expect(Date.parse(time)).toBeGreaterThanOrEqual(startedMs);
  expect(await keysIn(store)).toEqual(['a/b/f', 'a/f', 'c/f', 'f']);
});

it('D3 gives a partly synced directory no marker, and withdraws one that is no longer true', async () => {
  const { folder, start } = await syncd();
  for (const name of ['a/b/f', 'c/f']) write(folder, name, name);
  expect(await start('run').exit).toBe(0);
  expect(['', 'a', 'a/b', 'c'].map((directory) => marked(folder, directory))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  execFileSync('mkfifo', [join(folder, 'a/b/pipe')]);
  write(folder, 'd/e/f', 'new');
  expect(await start('run').exit).toBe(1);
  expect(['', 'a', 'a/b'].map((directory) => marked(folder, directory))).toEqual([false, false, false]);
  expect(['c', 'd', 'd/e'].map((directory) => marked(folder, directory))).toEqual([true, true, true]);
  unlinkSync(join(folder, 'a/b/pipe'));
  expect(await start('run').exit).toBe(0);
  expect(marked(folder, '')).toBe(true);
});

it('D4 verifies again at every run: what has gone from the bucket is uploaded again', async () => {
  const { folder, store, start } = await syncd();
  for (const name of ['kept', 'lost']) write(folder, name, name);
  expect(await start('run').exit).toBe(0);
  await store.delete(objectKey(`${PREFIX}lost`));
  const second = start('run');
  expect(await second.exit, second.output()).toBe(0);
  expect(await keysIn(store)).toEqual(['kept', 'lost']);
  expect(second.output()).not.toContain('uploaded optional/path/prefix/kept');
});

it('D4 never has two runs at once', async () => {
  const proxy = await loopbackProxy();
  const { folder, store, start } = await syncd({ interval: '1s', endpoint: `http://${proxy.address}` });
  write(folder, 'slow', 'slow');
  const held = proxy.passes(`/${PREFIX}slow`);
  proxy.stall(`/${PREFIX}slow`);
  const first = start('run');
  await held;
  const second = start('run');
  expect(await second.exit).toBe(1);
  expect(second.output()).toMatch(/another agent/i);
  proxy.heal();
  await first.says(`uploaded ${PREFIX}slow`);
  await first.says('pass ended');
  first.process.kill('SIGTERM');
  expect(await first.exit).toBe(0);
  expect(first.output().match(/uploaded /g)).toHaveLength(1);
  expect(await keysIn(store)).toEqual(['slow']);
});

it('D5 logs a file that fails, goes on with the rest, and reports the status of each directory', async () => {
  const { folder, store, start } = await syncd();
  for (const name of ['good/f', 'bad/f', 'bad/g']) write(folder, name, name);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad/`), Buffer.from([0x62, 0xff])]), 'no UTF-8');
  const agent = start('run');
  expect(await agent.exit).toBe(1);
  expect(agent.output()).toMatch(/WARN {2}skipped: .*the file name is not UTF-8/);
  expect(agent.output()).toContain(`marked ${PREFIX}good`);
  expect(agent.output()).toContain(`incomplete: 1 files are not in the bucket key=${PREFIX}bad`);
  expect(agent.output()).toContain(`incomplete: a directory below it is not complete key=${PREFIX}`);
  expect(await keysIn(store)).toEqual(['bad/f', 'bad/g', 'good/f']);
});

describe('D6, the limitations that are lifted', () => {
  it('D6 updates existing objects, with mode: mirror', async () => {
    const { folder, store, start } = await syncd({ change: mirroring([]) });
    write(folder, 'f', 'old');
    await onceWhole(start);
    write(folder, 'f', 'new');
    await onceWhole(start);
    expect(await contentOf(store, objectKey(`${PREFIX}f`))).toBe('new');
  });

  it('D6 deletes objects, with mode: mirror, unless deletes: false', async () => {
    for (const deletes of [true, false]) {
      const { folder, store, start } = await syncd({
        change: mirroring([`deletes: ${deletes}`]),
      });
      for (const name of ['f', 'g']) write(folder, name, name);
      await onceWhole(start);
      rmSync(join(folder, 'f'));
      await onceWhole(start);
      expect(await keysIn(store)).toEqual(deletes ? ['g'] : ['f', 'g']);
    }
  });

  it('D6 keeps versions, in a bucket that has them', async () => {
    const { bucket, folder, start } = await syncd({ change: mirroring([]) });
    await withS3((client) =>
      client.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      ),
    );
    for (const content of ['old', 'newer']) {
      write(folder, 'f', content);
      await onceWhole(start);
    }
    const { Versions } = await withS3((client) =>
      client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: `${PREFIX}f` })),
    );
    expect(Versions?.map(({ Size, IsLatest }) => [Size, IsLatest])).toEqual([
      [5, true],
      [3, false],
    ]);
  });

  it.each([
    ['presence', 'longer', 'same'],
    ['size', 'longer', 'conflict'],
    ['size', 'eq', 'same'],
    ['mtime', 'me', 'same'],
    ['mtime', 'eq', 'conflict'],
    ['content', 'me', 'same'],
    ['content', 'eq', 'conflict'],
  ])('D6 compares by %s: an object with the content %j is the %s', async (compare, content, expected) => {
    const { folder, store, start } = await syncd({ change: setting([`compare: ${compare}`]) });
    write(folder, 'f', 'me');
    utimesSync(join(folder, 'f'), 1_600_000_000, 1_600_000_000);
    const mtime = content === 'me' ? '1600000000.000000000' : '1500000000.000000000';
    await store.put(objectKey(`${PREFIX}f`), Buffer.from(content), { metadata: { mtime } });
    const agent = start('run');
    expect(await agent.exit, agent.output()).toBe(expected === 'same' ? 0 : 1);
    if (expected === 'conflict')
      expect(agent.output()).toContain('conflict: the bucket holds another object');
    expect(marked(folder, '')).toBe(expected === 'same');
    expect(await contentOf(store, objectKey(`${PREFIX}f`))).toBe(content);
  });

  it('D6 sends large files in parts, and goes on with the parts that are there after a restart', async () => {
    const proxy = await loopbackProxy();
    const { folder, store, start } = await syncd({
      endpoint: `http://${proxy.address}`,
      change: (yaml) => `${yaml}limits:\n  partBytes: ${5 * MIB}\n  partsAtOnce: 1\n`,
    });
    const content = Buffer.alloc(18 * MIB, 'large');
    write(folder, 'large', content);
    // Parts read within a second of a change are not trusted for another try.
    await expect
      .poll(() => Date.now() - statSync(join(folder, 'large')).ctimeMs, { timeout: 30_000 })
      .toBeGreaterThan(1_500);
    const third = proxy.passes('partNumber=3');
    proxy.stall('partNumber=3');
    const first = start('run');
    await third;
    first.process.kill('SIGKILL');
    await first.exit;
    proxy.heal();
    const second = start('run');
    expect(await second.exit, second.output()).toBe(0);
    const parts = proxy.requests().flatMap((line) => /^PUT .*partNumber=(\d)/.exec(line)?.[1] ?? []);
    expect(parts.toSorted()).toEqual(['1', '2', '3', '3', '4']);
    const head = await store.head(objectKey(`${PREFIX}large`));
    expect(head).toMatchObject({ sizeBytes: content.length, etag: expect.stringMatching(/-4$/) });
    expect(await Array.fromAsync(store.listUploads(PREFIX))).toEqual([]);
  });

  it.each([
    ['AES256', undefined],
    ['aws:kms', 'sluice-key'],
  ])('D6 encrypts with %s, key %s', async (type, keyId) => {
    const { bucket, folder, store, start } = await syncd({
      change: setting([`encryption: { type: "${type}"${keyId === undefined ? '' : `, keyId: ${keyId}`} }`]),
    });
    write(folder, 'f', 'secret');
    const agent = start('run');
    if (inject('storeLimits')?.encrypts === false) {
      expect(await agent.exit, agent.output()).toBe(1);
      expect(await keysIn(store)).toEqual([]);
      return expect(agent.output()).toContain(`encryption ${type} was asked for, and the store answers none`);
    }
    expect(await agent.exit, agent.output()).toBe(0);
    const head = await withS3((client) =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${PREFIX}f` })),
    );
    expect(head.ServerSideEncryption).toBe(type);
    if (keyId !== undefined) expect(head.SSEKMSKeyId).toContain(keyId);
  });

  it('D6 works with an S3-compatible service, with endpoint', async () => {
    const endpoint = inject('endpoint');
    const { folder, store, start } = await syncd({
      endpoint: undefined,
      change: (yaml) => yaml.replace(/^store:$/m, `$&\n  endpoint: ${endpoint}`),
    });
    write(folder, 'f', 'f');
    expect(await start('run').exit).toBe(0);
    expect(await keysIn(store)).toEqual(['f']);
  });
});

it('is imported with its keys in a file of their own, for the owner alone, and never over another', async () => {
  const { base, folder } = await syncd();
  const keys = join(base, 'credentials');
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  const old = documented({ folder, bucket: 'b' }, '5m').replace(
    /aws_secret_key=.*/,
    'aws_secret_key=canary/1',
  );
  const again = runImport('syncd', base, old, '--credentials', keys);
  expect(again).toMatchObject({ exitCode: 2, yaml: '' });
  expect(again.notes).toContain('exists already');
  expect(readFileSync(keys, 'utf8')).not.toContain('canary');
  const without = runImport('syncd', base, old);
  expect(without.exitCode).toBe(0);
  expect(without.yaml).toContain('every: 5m');
  expect(without.yaml + without.notes).not.toContain('canary');
  expect(without.notes).toContain('--credentials FILE');
  const invalid = runImport('syncd', base, 'aws_secret_key=canary/1\n', '--credentials', join(base, 'other'));
  expect(invalid.exitCode).toBe(2);
  expect(readdirSync(base)).not.toContain('other');
  expect(invalid.notes).not.toContain('canary');
});
