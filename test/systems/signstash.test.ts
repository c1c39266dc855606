/** System A of the predecessors, on the configuration that it documents: MinIO <-> local folders. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { localCertificate } from '../../infra/local/certificate.ts';
import { contentOf } from '../contracts/object-store.ts';
import {
  type AgentUnderTest,
  agentUnderTest,
  type Place,
  type RunningAgent,
  storeCredentials,
} from '../edge-agent/agent-process.ts';
import { importing, runImport } from './imported-config.ts';
import { loopbackProxy } from './loopback-proxy.ts';

vi.setConfig({ testTimeout: 300_000 });

const SOON = { timeout: 120_000 };
/** In days: everything is older. */
const NO_AGE = 'MAX_FILE_AGE_DAYS=0.00000002';
const PROJECT = join(import.meta.dirname, '../..');

/** The environment that its documentation shows, as a file. */
function environmentFile(
  { base, bucket, endpoint }: Pick<Place, 'base' | 'bucket' | 'endpoint'>,
  more: string[],
): string {
  const { accessKeyId, secretAccessKey } = storeCredentials();
  return [
    `MINIO_ENDPOINT=${new URL(endpoint).host}`,
    `MINIO_ACCESS_KEY=${accessKeyId}`,
    `MINIO_SECRET_KEY=${secretAccessKey}`,
    `MINIO_BUCKET_NAME=${bucket}`,
    `FOLDER_PATH_SYNC=${base}`,
    'SYNC_INTERVAL=1',
    ...more,
  ].join('\n');
}

async function signstash(
  options: {
    address?: string;
    more?: string[];
    change?: (yaml: string) => string;
    environment?: Record<string, string>;
  } = {},
): Promise<AgentUnderTest> {
  const { address, more = [], change, environment } = options;
  const { accessKeyId, secretAccessKey } = storeCredentials();
  const agent = await agentUnderTest({
    ...(address === undefined ? {} : { endpoint: `http://${address}` }),
    environment: {
      MINIO_ACCESS_KEY: accessKeyId,
      MINIO_SECRET_KEY: secretAccessKey,
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      ...environment,
    },
    config: importing('signstash', (place) => environmentFile(place, more), change),
  });
  for (const name of ['input', 'backup']) mkdirSync(join(agent.base, name));
  return agent;
}

const visible = (folder: string) => readdirSync(folder).filter((name) => name !== '.sluice');
const text = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);

const everyFolderWatched = ({ output }: RunningAgent) =>
  expect.poll(() => output().match(/watching/g), SOON).toHaveLength(3);

async function seed(store: ObjectStore, key: string, content: string): Promise<void> {
  await store.put(objectKey(key), Buffer.from(content), { metadata: {} });
}

function write(base: string, path: string, content: string): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), content);
}

it('A1 downloads input/ of the bucket to <base>/input/ and keeps the hierarchy', async () => {
  const { base, store, start } = await signstash();
  await seed(store, 'input/a.txt', 'one');
  await seed(store, 'input/deep/er/b c.txt', 'two');
  await seed(store, 'elsewhere/c.txt', 'not ours');
  start('run');
  await expect.poll(() => text(join(base, 'input/a.txt')), SOON).toBe('one');
  await expect.poll(() => text(join(base, 'input/deep/er/b c.txt')), SOON).toBe('two');
  await expect.poll(() => Array.fromAsync(store.list('input/')), SOON).toEqual([]);
  expect(await contentOf(store, objectKey('elsewhere/c.txt'))).toBe('not ours');
});

it('A2 removes an object only after its download is verified by content', async () => {
  const proxy = await loopbackProxy();
  const { base, store, start } = await signstash({ address: proxy.address });
  await seed(store, 'input/contract.txt', 'the GENUINE text');
  proxy.corrupt('down', 'GENUINE', 'FORGED!');
  const agent = start('run');
  await expect.poll(() => /WARN|removed from bucket/.exec(agent.output())?.[0], SOON).toBe('WARN');
  expect(await contentOf(store, objectKey('input/contract.txt'))).toBe('the GENUINE text');
  expect(existsSync(join(base, 'input/contract.txt'))).toBe(false);
  proxy.heal();
  await expect.poll(() => text(join(base, 'input/contract.txt')), SOON).toBe('the GENUINE text');
  await expect.poll(() => store.head(objectKey('input/contract.txt')), SOON).toBeUndefined();
});

it('A3 uploads what is written to output/ and backup/, with its hierarchy, as soon as it is written', async () => {
  const { base, store, start } = await signstash();
  const agent = start('run');
  await everyFolderWatched(agent);
  write(base, 'output/uuid/signed/a.pdf', 'signed');
  write(base, 'backup/uuid/b.tmp', 'kept');
  await expect
    .poll(() => [...visible(join(base, 'output')), ...visible(join(base, 'backup'))], SOON)
    .toEqual([]);
  expect(await contentOf(store, objectKey('output/uuid/signed/a.pdf'))).toBe('signed');
  expect(await contentOf(store, objectKey('backup/uuid/b.tmp'))).toBe('kept');
});

it('A4 removes a file only after its upload is verified by content', async () => {
  const proxy = await loopbackProxy();
  const { base, store, start } = await signstash({ address: proxy.address });
  write(base, 'output/contract.txt', 'the GENUINE text');
  proxy.corrupt('up', 'GENUINE', 'FORGED!');
  const agent = start('run');
  await agent.says('WARN');
  expect(text(join(base, 'output/contract.txt'))).toBe('the GENUINE text');
  expect(await store.head(objectKey('output/contract.txt'))).toBeUndefined();
  proxy.heal();
  await expect.poll(() => visible(join(base, 'output')), SOON).toEqual([]);
  expect(await contentOf(store, objectKey('output/contract.txt'))).toBe('the GENUINE text');
});

it('A5 removes directories that a sync has emptied; the base folders and directories in use stay', async () => {
  const { base, start } = await signstash();
  write(base, 'output/emptied/below/a', 'a');
  write(base, 'output/used/done', 'done');
  const writer = openSync(join(base, 'output/used/being-written'), 'w');
  const agent = start('run');
  await agent.says('removed directory output/emptied/');
  await agent.says('removed output/used/done');
  expect(visible(join(base, 'output'))).toEqual(['used']);
  expect(visible(join(base, 'output/used'))).toEqual(['being-written']);
  writeSync(writer, 'whole');
  closeSync(writer);
  await agent.says('removed directory output/used/');
  expect(visible(base).filter((name) => ['input', 'output', 'backup'].includes(name))).toHaveLength(3);
});

it('A6 removes what is older than MAX_FILE_AGE_DAYS, and what is younger not', async () => {
  const young = await signstash();
  await seed(young.store, 'input/young', 'y');
  const first = young.start('run');
  await first.says('removed from bucket input/young');
  first.process.kill('SIGTERM');
  await first.exit;
  const second = young.start('run');
  await everyFolderWatched(second);
  second.process.kill('SIGTERM');
  expect(await second.exit).toBe(0);
  expect(second.output()).not.toContain('expired');
  expect(text(join(young.base, 'input/young'))).toBe('y');

  const old = await signstash({ more: [NO_AGE] });
  await seed(old.store, 'input/old', 'o');
  const before = old.start('run');
  await before.says('removed from bucket input/old');
  before.process.kill('SIGTERM');
  await before.exit;
  await old.start('run').says('expired input/old');
  expect(visible(join(old.base, 'input'))).toEqual([]);
});

it('A6 never removes by age what is not safe in the bucket, unless expireUnsynced says so', async () => {
  const proxy = await loopbackProxy();
  await proxy.goAway();
  const careful = await signstash({ address: proxy.address, more: [NO_AGE] });
  write(careful.base, 'output/only-here', 'kept');
  const agent = careful.start('run');
  await agent.says('cannot be reached');
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(text(join(careful.base, 'output/only-here'))).toBe('kept');

  const careless = await signstash({
    address: proxy.address,
    more: [NO_AGE],
    change: (yaml) => yaml.replaceAll(/( *)olderThan: .*/g, '$&\n$1expireUnsynced: true'),
  });
  write(careless.base, 'backup/only-here', 'gone');
  await careless.start('run').says('expired backup/only-here');
  expect(visible(join(careless.base, 'backup'))).toEqual([]);
});

it('A7 removes orphaned empty directories once they are older than the age', async () => {
  const young = await signstash();
  const old = await signstash({ more: [NO_AGE] });
  for (const { base } of [young, old]) mkdirSync(join(base, 'backup/orphan/below'), { recursive: true });
  const [youngAgent, oldAgent] = [young.start('run'), old.start('run')];
  await expect.poll(() => existsSync(join(old.base, 'backup/orphan')), SOON).toBe(false);
  expect(existsSync(join(old.base, 'backup'))).toBe(true);
  await oldAgent.says('removed directory backup/orphan/');
  await everyFolderWatched(youngAgent);
  youngAgent.process.kill('SIGTERM');
  await youngAgent.exit;
  expect(existsSync(join(young.base, 'backup/orphan/below'))).toBe(true);
});

it('A8 picks up new input at every SYNC_INTERVAL', async () => {
  const { base, store, start } = await signstash();
  const agent = start('run');
  await seed(store, 'input/first', '1');
  await agent.says('removed from bucket input/first');
  await seed(store, 'input/second', '2');
  await agent.says('removed from bucket input/second');
  expect(text(join(base, 'input/second'))).toBe('2');
});

it('A9 speaks http and https with any S3-compatible server', async () => {
  const place = await signstash();
  const certificate = await localCertificate(join(place.base, 'tls'));
  const proxy = await loopbackProxy({
    key: readFileSync(certificate.keyFile, 'utf8'),
    cert: readFileSync(certificate.certificateFile, 'utf8'),
  });
  const secure = await signstash({
    address: proxy.address,
    more: ['MINIO_SECURE=true'],
    environment: { NODE_EXTRA_CA_CERTS: certificate.authorityFile },
  });
  expect(readFileSync(secure.config, 'utf8')).toContain(`endpoint: https://${proxy.address}`);
  for (const { base, start } of [place, secure]) {
    write(base, 'output/a', 'a');
    const agent = start('run');
    await agent.says('removed output/a');
    agent.process.kill('SIGTERM');
    expect(await agent.exit, agent.output()).toBe(0);
  }
  expect(await contentOf(secure.store, objectKey('output/a'))).toBe('a');
});

it('A10 says each step in one line with its key, more with DEBUG, and what needs attention as WARN', async () => {
  const { base, store, start } = await signstash({ more: [NO_AGE, 'LOG_LEVEL=DEBUG'] });
  await seed(store, 'input/in.txt', 'in');
  write(base, 'output/dir/out.txt', 'out');
  execFileSync('mkfifo', [join(base, 'backup/pipe')]);
  const first = start('run');
  for (const step of [
    'INFO  uploaded output/dir/out.txt',
    'INFO  removed output/dir/out.txt',
    'INFO  removed directory output/dir/',
    'INFO  downloaded input/in.txt',
    'INFO  removed from bucket input/in.txt',
  ]) {
    await first.says(step);
  }
  await first.says('DEBUG');
  await first.says('WARN  skipped: is a fifo, not a file key=backup/pipe');
  first.process.kill('SIGTERM');
  await first.exit;
  await start('run').says('INFO  expired input/in.txt');
  for (const line of first.output().trimEnd().split('\n'))
    expect(line).toMatch(/^\S+ \S+ (?:DEBUG|INFO |WARN |ERROR) /);

  const quiet = await signstash({ more: ['LOG_LEVEL=WARNING'] });
  write(quiet.base, 'output/a', 'a');
  const silent = quiet.start('run');
  await expect.poll(() => visible(join(quiet.base, 'output')), SOON).toEqual([]);
  silent.process.kill('SIGTERM');
  await silent.exit;
  expect(silent.output()).not.toContain('uploaded');
});

it('A11 comes as a container that runs the agent on mounted folders, without root', () => {
  const dockerfile = readFileSync(join(PROJECT, 'edge-agent/packaging/Dockerfile'), 'utf8');
  expect(dockerfile).toMatch(/^FROM \S+/m);
  expect(dockerfile).toMatch(/^ENTRYPOINT \[.*\]/m);
  expect(dockerfile).toMatch(/^CMD \[.*"run".*"--config".*\]|^ENTRYPOINT \[.*"run".*\]/m);
  expect(dockerfile).toMatch(/^USER (?!root|0\b)\S+/m);
  expect(dockerfile).toMatch(/^VOLUME /m);
});

it('is imported without its secrets, from a file or from its environment', async () => {
  const { base } = await signstash();
  const { yaml, notes, exitCode } = runImport(
    'signstash',
    base,
    environmentFile({ base, bucket: 'storage', endpoint: 'http://minio:9000' }, [
      'MINIO_SECRET_KEYS=canary-1',
    ]),
  );
  expect(exitCode).toBe(0);
  expect(yaml).toContain('endpoint: http://minio:9000');
  expect(yaml + notes).not.toContain('canary-1');
  expect(yaml).not.toContain(
    storeCredentials().secretAccessKey === 'test' ? 'SECRET_KEY=' : storeCredentials().secretAccessKey,
  );
  expect(notes).toContain('ignored: MINIO_SECRET_KEYS');
});
