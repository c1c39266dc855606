/** System E of the predecessors in the cloud, on the configuration that it documents: one bucket is kept like another. */
import { randomBytes, randomUUID } from 'node:crypto';
import dns from 'node:dns';
import { CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store } from '#adapters/s3/store.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { contentOf } from '../contracts/object-store.ts';
import { httpService } from '../doubles/http-service.ts';
import { storeCredentials } from '../edge-agent/agent-process.ts';
import { type DeployedSystem, deployImported, importOld, storeAt } from './deployed-system.ts';
import { crashFunction } from './function-process.ts';
import { type Gate, startGate } from './gate.ts';

vi.setConfig({ testTimeout: 300_000 });

type Looked = (error: null, addresses: { address: string; family: number }[]) => void;

const SOON = { timeout: 120_000, interval: 250 };
const MIB = 1024 * 1024;
const ZONE = 'Pacific/Kiritimati';
const name = `e-${randomBytes(4).toString('hex')}`;
const { accessKeyId, secretAccessKey } = storeCredentials();

let source: ObjectStore;
/** Not there before the first run. */
let backup: ObjectStore;
/** Keeps what the source loses. */
let keeper: ObjectStore;
/** Of a destination that is not enabled. */
let resting: ObjectStore;
let toSource: Gate;
let toBackup: Gate;
let system: DeployedSystem;

beforeAll(async () => {
  [source, backup, keeper, resting] = ['source', 'backup', 'keeper', 'resting'].map((one) =>
    storeAt(`${name}-${one}`),
  ) as [ObjectStore, ObjectStore, ObjectStore, ObjectStore];
  await source.createBucket();
  await keeper.createBucket();
  for (const key of ['dir/a b+ü😀', 'kept']) await put(key, `content of ${key}`);
  toSource = await startGate(inject('endpoint'));
  toBackup = await startGate(inject('endpoint'));
  system = await deployImported('relic', documented(), name, withMoreDestinations);
  // The emulator lets a mapping rest that is deployed as disabled, and says that it is enabled.
  await system.ops('pause', 'resting');
}, 600_000);

afterAll(async () => {
  await toSource.stop();
  await toBackup.stop();
});

it('E3 makes the destination bucket that is missing, and E1 copies everything with metadata and type', async () => {
  expect(await backup.bucketExists()).toBe(false);
  const { code, stdout, stderr } = await system.ops('initial-sync', '--settle', '2s', '--json');
  // One destination is not enabled, and that is said.
  expect(code, stdout + stderr).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ gaveUp: {}, paused: ['mirror-resting'] });
  for (const store of [backup, keeper]) {
    expect(await keysIn(store)).toEqual(['dir/a b+ü😀', 'kept']);
    expect(await store.head(objectKey('dir/a b+ü😀'))).toMatchObject({
      contentType: 'text/x-relic',
      metadata: { owner: 'relic' },
    });
  }
});

it('E2 carries only what changed', async () => {
  const before = toBackup.requests().filter((one) => one.startsWith('PUT')).length;
  expect(await system.ops('reconcile', 'backup', '--wait', '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/"copies": 0,\s/),
  });
  await put('kept', 'changed, and longer');
  expect(await system.ops('reconcile', 'backup', '--wait')).toMatchObject({ code: 0 });
  await expect.poll(() => contentOf(backup, objectKey('kept')), SOON).toBe('changed, and longer');
  expect(toBackup.requests().filter((one) => one.startsWith('PUT')).length).toBe(before + 1);
});

it('E2 compares at the interval of the old service', async () => {
  const template = await templateOf(name);
  expect(template).toContain('rate(30 minutes)');
});

it('E2 copies nothing to a destination that is not enabled, and E3 makes no bucket for it', async () => {
  const { stdout } = await system.ops('status', '--json');
  expect(JSON.parse(stdout).consumers).toContainEqual(
    expect.objectContaining({ name: 'mirror-resting', paused: true }),
  );
  expect(await resting.bucketExists()).toBe(false);
  const imported = await importOld('relic', documented({ S3_SYNC_ENABLED: 'false' }), '--name', 'none');
  expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining('enabled: false') });
});

it('E2 is paused and goes on by command, and what happened in between is carried', async () => {
  expect(await system.ops('pause', 'backup')).toMatchObject({ code: 0 });
  const key = objectKey(`paused/${randomUUID()}`);
  await put(key, 'waits');
  await tell('ObjectCreated:Put', key);
  await expect.poll(() => keeper.head(key), SOON).toBeDefined();
  expect(await backup.head(key)).toBeUndefined();
  expect(await system.ops('resume', 'backup')).toMatchObject({ code: 0 });
  await expect.poll(() => backup.head(key), SOON).toBeDefined();
});

it('E3 names every setting that is missing or wrong', async () => {
  const { code, stdout, stderr } = await importOld('relic', {
    S3_SYNC_ENABLED: 'maybe',
    S3_SYNC_INTERVAL: '0',
  });
  expect(code).toBe(2);
  expect(stdout).toBe('');
  for (const variable of ['ACCESS_KEY', 'SECRET_KEY', 'BUCKET', 'ENABLED', 'INTERVAL']) {
    expect(stderr).toContain(`S3_SYNC_${variable}: `);
  }
});

it('E4 tries again what fails, then parks it where it can be seen and replayed', async () => {
  const retried = objectKey(`retried/${randomUUID()}`);
  await put(retried, 'through');
  toBackup.cut(2);
  await tell('ObjectCreated:Put', retried);
  await expect.poll(() => backup.head(retried), SOON).toBeDefined();

  const parked = objectKey(`parked/${randomUUID()}`);
  await removeBucket(keeper);
  await put(parked, 'parked');
  await tell('ObjectCreated:Put', parked);
  await expect.poll(() => system.waiting(system.output('MirrorKeeperDlqUrl')), SOON).toBe(1);
  expect(await backup.head(parked)).toBeDefined();
  const { stdout } = await system.ops('status', '--json');
  expect(JSON.parse(stdout).consumers).toContainEqual(
    expect.objectContaining({ name: 'mirror-keeper', deadLetters: 1 }),
  );
  expect(await system.logText(name)).toContain('NoSuchBucket');
  await keeper.createBucket();
  expect(await system.ops('redrive', 'keeper')).toMatchObject({ code: 0 });
  await expect.poll(() => keeper.head(parked), SOON).toBeDefined();
  expect(await system.ops('reconcile', 'keeper', '--wait')).toMatchObject({ code: 0 });
  await expect.poll(() => keysIn(keeper), SOON).toEqual(await keysIn(source));
});

it('E5 reaches stores by path and by host name', async () => {
  const paths = toBackup.requests().map((one) => one.split(' ')[1] ?? '');
  expect(paths.some((path) => path.startsWith(`/${backup.bucket}/`))).toBe(true);
  const asked: string[] = [];
  const service = await httpService((request, response) => {
    asked.push(`${request.method} ${request.headers.host} ${request.url}`);
    response.writeHead(200, { etag: '"e"', 'content-length': '0' }).end();
  });
  // No name server knows the bucket's name here.
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockImplementation(((_name: string, _options: unknown, done: Looked) =>
      done(null, [{ address: '127.0.0.1', family: 4 }])) as never);
  onTestFinished(() => lookup.mockRestore());
  const store = createS3Store({
    bucket: 'relics-backup',
    endpoint: `http://localhost:${service.port}`,
    region: 'us-east-1',
    addressing: 'virtual',
    credentials: fixedCredentials(storeCredentials()),
  });
  expect(await store.head(objectKey('a b'))).toMatchObject({ etag: 'e' });
  await store.close();
  expect(asked).toEqual([`HEAD relics-backup.localhost:${service.port} /a%20b`]);
});

it('E6 carries what the webhook of MinIO tells of, to several destinations within seconds', async () => {
  const key = objectKey(`webhook/a b+c/ü%-${randomUUID()}`);
  await put(key, 'told');
  await tell('ObjectCreated:Put', key);
  for (const store of [backup, keeper]) {
    await expect.poll(async () => (await store.head(key)) && contentOf(store, key), SOON).toBe('told');
  }
});

it('E1 removes what the source has lost, and nothing where that is turned off', async () => {
  const key = objectKey(`removed/${randomUUID()}`);
  await put(key, 'short-lived');
  await tell('ObjectCreated:Put', key);
  for (const store of [backup, keeper]) await expect.poll(() => store.head(key), SOON).toBeDefined();
  await source.delete(key);
  await tell('ObjectRemoved:Delete', key);
  await expect.poll(() => backup.head(key), SOON).toBeUndefined();
  expect(await keeper.head(key)).toBeDefined();
});

it('E1 believes no event that says that an object is gone', async () => {
  const key = objectKey(`lied/${randomUUID()}`);
  await put(key, 'still here');
  await tell('ObjectRemoved:Delete', key);
  await expect.poll(() => backup.head(key), SOON).toBeDefined();
  await expect.poll(() => system.waiting(system.output('MirrorBackupQueueUrl')), SOON).toBe(0);
  expect(await contentOf(backup, key)).toBe('still here');
});

it('E1 holds deletes of most of the bucket until somebody approves them', async () => {
  for (let index = 0; index < 30; index++) await put(`many/${index}`, 'x');
  expect(await system.ops('reconcile', 'backup', '--wait')).toMatchObject({ code: 0 });
  await expect.poll(async () => (await keysIn(backup)).length, SOON).toBe((await keysIn(source)).length);
  const all = await keysIn(backup);
  await emptyOut(source);
  await put('kept', 'the last one');
  const emptied = await system.ops('reconcile', 'backup', '--wait', '--json');
  expect(emptied.code, emptied.stdout + emptied.stderr).toBe(1);
  expect(await keysIn(backup)).toEqual(all);
  const { stdout } = await system.ops('status', '--json');
  expect(JSON.parse(stdout).held).toMatchObject([{ destination: 'backup', count: all.length - 1 }]);
  expect(await system.ops('approve', 'backup', '--yes')).toMatchObject({ code: 0 });
  await expect.poll(() => keysIn(backup), SOON).toEqual(['kept']);
});

it('E9 goes on with a large object after its copy was cut off: nothing half is ever visible', async () => {
  const key = objectKey('large');
  const body = Buffer.alloc(80 * MIB, 'relic');
  await source.put(key, body, { metadata: {} });
  await system.redeliverAfter(system.output('MirrorBackupQueueUrl'), 5);
  const parts = () => toBackup.requests().filter((one) => one.includes('partNumber='));
  toBackup.close();
  await tell('ObjectCreated:Put', key);
  // Nothing is answered: it stands at its first call, or at a part.
  const asked = toBackup.requests().length;
  await expect.poll(() => toBackup.requests().length, SOON).toBeGreaterThan(asked - 1);
  crashFunction(system.output('MirrorBackup'));
  toBackup.open();
  expect(await backup.head(key)).toBeUndefined();
  await expect.poll(async () => (await backup.head(key))?.sizeBytes, SOON).toBe(body.length);
  expect(parts().length).toBeGreaterThan(1);
  expect(Buffer.from(await contentOf(backup, key)).equals(body)).toBe(true);
});

it('E3 never takes a source that is gone for an empty one', async () => {
  const before = await keysIn(backup);
  expect(before).not.toEqual([]);
  await removeBucket(source);
  const { code, stderr } = await system.ops('reconcile', 'backup', '--wait', '--json');
  expect(code).toBe(1);
  expect(stderr).toContain('reconcile-backup gave up');
  expect(await keysIn(backup)).toEqual(before);
  const logged = async () => (await system.ops('logs', 'ReconcileBackup', '--since', '1h')).stdout;
  await expect.poll(logged, { ...SOON, timeout: 60_000 }).toMatch(/ ERROR ReconcileBackup .*NoSuchBucket/);
  const status = JSON.parse((await system.ops('status', '--json')).stdout);
  expect(status.hubFault).toContain('NotFound');
  expect(status.consumers).toContainEqual(
    expect.objectContaining({ name: 'reconcile-backup', deadLetters: 1 }),
  );
  const shown = await system.ops('status');
  expect(shown.stdout).toContain('The hub cannot be read');
  await source.createBucket();
  await put('kept', 'the last one');
  expect(await system.ops('redrive', 'reconcile-backup')).toMatchObject({ code: 0 });
  await expect.poll(() => system.waiting(system.output('ReconcileBackupDlqUrl')), SOON).toBe(0);
});

it('E7 asks for no more than to list and read the source, and to list, read, write and delete at the destination', async () => {
  const asked = (gate: Gate) => [...new Set(gate.requests().map(shapeOf))].sort();
  const allowed = {
    source: [
      `GET /${source.bucket}/KEY`,
      `GET /${source.bucket}/list`,
      `HEAD /${source.bucket}/`,
      `HEAD /${source.bucket}/KEY`,
    ],
    backup: [
      `DELETE /${backup.bucket}/KEY`,
      `GET /${backup.bucket}/KEY`,
      `GET /${backup.bucket}/list`,
      `GET /${backup.bucket}/uploads`,
      `HEAD /${backup.bucket}/`,
      `HEAD /${backup.bucket}/KEY`,
      `POST /${backup.bucket}/KEY?upload`,
      `PUT /${backup.bucket}/`,
      `PUT /${backup.bucket}/KEY`,
      `PUT /${backup.bucket}/KEY?upload`,
      `GET /${backup.bucket}/KEY?upload`,
    ],
  };
  expect(asked(toSource).filter((one) => !allowed.source.includes(one))).toEqual([]);
  expect(asked(toBackup).filter((one) => !allowed.backup.includes(one))).toEqual([]);
});

it('E8 counts objects, bytes, lag and errors, tells how long runs took, and writes times of the configured zone', async () => {
  const logs = await system.logText(name);
  for (const metric of ['ObjectsMirrored', 'MirroredBytes', 'MirrorLagMs', 'DeletesMirrored']) {
    expect(logs).toContain(`"${metric}"`);
  }
  const status = await system.ops('status', '--json');
  expect(JSON.parse(status.stdout)).toMatchObject({ timezone: ZONE });
  const run = JSON.parse(status.stdout).runs.find((one: { name: string }) => one.name === 'reconcile backup');
  expect(run).toMatchObject({ durationMs: expect.any(Number), result: { objects: expect.any(Number) } });
  const { stdout } = await system.ops('logs', 'MirrorBackup', '--since', '1h');
  expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+14:00 INFO {2}MirrorBackup /m);
});

function documented(more: Record<string, string> = {}): Record<string, string> {
  return {
    S3_SYNC_ENABLED: 'true',
    S3_SYNC_ACCESS_KEY: accessKeyId,
    S3_SYNC_SECRET_KEY: secretAccessKey,
    S3_SYNC_BUCKET: `${name}-backup`,
    S3_SYNC_ENDPOINT: toBackup.url,
    S3_SYNC_REGION: 'us-east-1',
    S3_SYNC_INTERVAL: '1800',
    S3_SYNC_MAX_RETRIES: '3',
    S3_SYNC_RETRY_DELAY: '60',
    S3_SYNC_TIMEZONE: ZONE,
    MINIO_ENDPOINT: toSource.url,
    MINIO_ACCESS_KEY: accessKeyId,
    MINIO_SECRET_KEY: secretAccessKey,
    MINIO_BUCKET: `${name}-source`,
    ...more,
  };
}

/** As the owner of the file would add them. */
function withMoreDestinations(yaml: string): string {
  const settings = parse(yaml);
  const [first] = settings.destinations;
  settings.destinations.push(
    {
      ...first,
      name: 'keeper',
      bucket: `${name}-keeper`,
      endpoint: inject('endpoint'),
      deletes: false,
      createBucket: false,
    },
    { ...first, name: 'resting', bucket: `${name}-resting`, endpoint: inject('endpoint'), enabled: false },
  );
  return stringify(settings);
}

async function put(key: string, content: string): Promise<void> {
  const attributes = { metadata: { owner: 'relic' }, contentType: 'text/x-relic' };
  await source.put(objectKey(key), Buffer.from(content), attributes);
}

/** As MinIO's webhook does: https://min.io/docs/minio/linux/administration/monitoring/publish-events-to-webhook.html */
async function tell(eventName: string, key: string): Promise<void> {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+');
  const record = {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    eventName: `s3:${eventName}`,
    eventTime: new Date().toISOString(),
    s3: { bucket: { name: source.bucket }, object: { key: encoded, sequencer: '1875A1F4B2C3D4E5' } },
  };
  expect(
    await system.ingest({ EventName: `s3:${eventName}`, Key: `${source.bucket}/${key}`, Records: [record] }),
  ).toBe(200);
}

async function keysIn(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ key }) => String(key));
}

async function emptyOut(store: ObjectStore): Promise<void> {
  for await (const { key } of store.list('')) await store.delete(key);
}

async function removeBucket(store: ObjectStore): Promise<void> {
  await emptyOut(store);
  const client = new S3Client({
    endpoint: inject('endpoint'),
    forcePathStyle: true,
    credentials: storeCredentials(),
  });
  await client.send(new DeleteBucketCommand({ Bucket: store.bucket }));
  client.destroy();
}

async function templateOf(stack: string): Promise<string> {
  const { TemplateBody = '' } = await new CloudFormationClient().send(
    new GetTemplateCommand({ StackName: stack }),
  );
  return TemplateBody;
}

/** Method, bucket, and what of it: keys and ids are left out. */
function shapeOf(request: string): string {
  const [, method = '', bucket = '', key = '', query = ''] =
    /^(\S+) \/([^/?]*)\/?([^?]*)\??(.*)$/.exec(request) ?? [];
  if (key !== '') return `${method} /${bucket}/KEY${/upload/.test(query) ? '?upload' : ''}`;
  const what = /(?:^|&)(uploads|list-type)/.exec(query)?.[1] ?? '';
  return `${method} /${bucket}/${what === 'list-type' ? 'list' : what}`;
}
