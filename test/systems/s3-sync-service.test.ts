/** System B of the predecessors, on the configuration that it documents: a customer's bucket reaches a file manager. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { ReportResult } from '#core/report-result.ts';
import { type FileManagerServer, startFileManager } from '../../infra/local/file-manager.ts';
import { contentOf } from '../contracts/object-store.ts';
import { type DeployedSystem, deployImported, importOld, storeAt } from './deployed-system.ts';
import { crashFunction, functionPeakBytes } from './function-process.ts';
import { type Gate, startGate } from './gate.ts';

vi.setConfig({ testTimeout: 300_000 });

const SOON = { timeout: 120_000, interval: 250 };
const MIB = 1024 * 1024;
const name = `b-${randomBytes(4).toString('hex')}`;
/** Where the store looks at the keys, they are what it was started with. */
const secrets = inject('storeCredentials') ?? {
  accessKeyId: `AKCANARY${randomBytes(8).toString('hex')}`,
  secretAccessKey: `canary${randomBytes(16).toString('hex')}`,
};

let customer: ObjectStore;
let fileManager: FileManagerServer;
let toFileManager: Gate;
let toCustomer: Gate;
let reported: { results: ReportResult[]; away: boolean; url: string; stop(): void };
let system: DeployedSystem;
/** What commands have printed. */
const printed: string[] = [];

beforeAll(async () => {
  customer = storeAt(`${name}-customer`);
  await customer.createBucket();
  for (const [key, mode] of [
    ['first/a.txt', '640'],
    ['first/b c+ü%.txt', '600'],
    ['first/empty', '644'],
  ] as const) {
    await put(key, key.endsWith('empty') ? '' : `content of ${key}`, { mode, uid: '7', gid: '8' });
  }
  fileManager = await startFileManager();
  toFileManager = await startGate(fileManager.url);
  toCustomer = await startGate(inject('endpoint'));
  reported = await reportReceiver();
  system = await deployImported(
    's3-sync-service',
    {
      CUSTOMER_S3_ENDPOINT: toCustomer.url,
      CUSTOMER_S3_ACCESS_KEY: secrets.accessKeyId,
      CUSTOMER_S3_SECRET_KEY: secrets.secretAccessKey,
      CUSTOMER_S3_BUCKET: customer.bucket,
      MOCK_API_URL: fileManager.url,
      FILE_MANAGER_API_URL: toFileManager.url,
      SYNC_INTERVAL: '300',
      DATABASE_PATH: '/app/data/sync.db',
      LIVE_RELOAD: 'true',
    },
    name,
    (yaml) =>
      yaml.replace('every: 5m', `every: 5m\n  endpoints: [{ url: "${reported.url}", allowPrivate: true }]`),
  );
  printed.push(system.imported.stdout, system.imported.stderr);
}, 600_000);

afterAll(async () => {
  reported.stop();
  await toFileManager.stop();
  await toCustomer.stop();
  await fileManager.stop();
});

it('B1 scans the bucket: permissions, content and a row for each file, and the state as CSV', async () => {
  const { code, stdout, stderr } = await operate('initial-sync', '--settle', '2s', '--json');
  expect(code, stdout + stderr).toBe(0);
  for (const { key } of await Array.fromAsync(customer.list('first/'))) {
    const content = await contentOf(customer, key);
    expect(opsOf(key)).toEqual(['updatePermissions', 'saveToDisk']);
    expect(fileManager.files().get(key)).toMatchObject({
      sizeBytes: Buffer.byteLength(content),
      sha256: createHash('sha256').update(content).digest('hex'),
      permissions: { mode: key.includes('a.txt') ? '0640' : expect.any(String), uid: 7, gid: 8 },
    });
    const etag = (await customer.head(key))?.etag;
    expect(await system.ledger.get(key)).toMatchObject({ state: 'present', etag, delivery: { etag } });
  }
  const csv = await contentOf(system.reports, objectKey(JSON.parse(stdout).state));
  for (const key of ['first/a.txt', 'first/b c+ü%.txt', 'first/empty'])
    expect(csv).toContain(`\n${key},present,`);
});

it('B1 does nothing twice when it is started again', async () => {
  const before = fileManager.calls().length;
  expect(await operate('initial-sync', '--settle', '2s')).toMatchObject({ code: 0 });
  expect(fileManager.calls().length).toBe(before);
});

it('B2 replays events of all five kinds, tells the file manager, and reports the difference', async () => {
  const [created, deleted, renamed, moved, permitted] = [
    'created',
    'deleted',
    'renamed',
    'moved',
    'permitted',
  ].map((one) => objectKey(`second/${one}`)) as [ObjectKey, ObjectKey, ObjectKey, ObjectKey, ObjectKey];
  for (const key of [deleted, renamed, moved, permitted]) await put(key, `content of ${key}`);
  for (const key of [deleted, renamed, moved, permitted]) await tell({ type: 'create', key });
  for (const key of [deleted, renamed, moved, permitted])
    await expect.poll(() => opsOf(key), SOON).toContain('saveToDisk');

  await put(created, 'new');
  await tell({ type: 'create', key: created });
  await customer.delete(deleted);
  await tell({ type: 'delete', key: deleted });
  for (const [key, type] of [
    [renamed, 'rename'],
    [moved, 'move'],
  ] as const) {
    const newKey = objectKey(`third/${type}d`);
    await put(newKey, `content of ${key}`);
    await customer.delete(key);
    await tell({ type, key, newKey });
  }
  await tell({ type: 'change_permission', key: permitted, permissions: { readers: ['audit'] } });

  const { code, stdout, stderr } = await operate('incremental-sync', '--settle', '2s', '--full', '--json');
  expect(code, stdout + stderr).toBe(0);
  expect(opsOf(created)).toEqual(['updatePermissions', 'saveToDisk']);
  expect(opsOf(deleted).at(-1)).toBe('delete');
  expect(fileManager.files().get(permitted)?.permissions).toEqual({ readers: ['audit'] });
  for (const key of [deleted, renamed, moved]) expect(fileManager.files().has(key)).toBe(false);
  for (const key of ['third/renamed', 'third/moved']) {
    expect(fileManager.files().get(key)?.sizeBytes).toBe((await customer.head(objectKey(key)))?.sizeBytes);
  }

  const result = JSON.parse(stdout) as ReportResult;
  const rows = (
    await Promise.all(result.files.diffs.map((file) => contentOf(system.reports, objectKey(file))))
  ).join('');
  for (const key of [created, deleted, renamed, moved, permitted, 'third/renamed', 'third/moved']) {
    expect(rows).toContain(`,${key},`);
  }
  const states = (await Array.fromAsync(system.reports.list(REPORT_PREFIX.state))).map(({ key }) => key);
  expect(states.length).toBeGreaterThan(1);
  expect(states).toContain(result.files.full);
  expect(reported.results.map(({ runId }) => runId)).toContain(result.runId);
});

it('B2 takes the pushes of a pub/sub subscription, and refuses who has another token', async () => {
  const key = objectKey(`second/pushed-${randomUUID()}`);
  await put(key, 'pushed');
  const data = Buffer.from(JSON.stringify(event({ type: 'create', key }))).toString('base64');
  const push = { message: { data, messageId: '1' }, subscription: 'projects/customer/subscriptions/files' };
  const refused = await fetch(system.ingestUrl, {
    method: 'POST',
    headers: { authorization: 'Bearer another', 'content-type': 'application/json' },
    body: JSON.stringify(push),
  });
  expect(refused.status).toBe(401);
  expect(await system.ingest(push)).toBe(200);
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
});

it('B3 runs at the interval of the old service, and the first run on an empty ledger is the initial sync', async () => {
  const schedules = await schedulesOf(name);
  expect(schedules).toContainEqual(expect.objectContaining({ ScheduleExpression: 'rate(5 minutes)' }));
  const start = schedules.find(({ Target: { Input } }) => Input !== undefined)?.Target.Input ?? '';
  const key = objectKey(`untold/${randomUUID()}`);
  await put(key, 'nobody tells of it');
  await system.send(system.output('ReconcileQueueUrl'), start);
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
});

it('B3 goes on with the next run after one that failed, and loses no result', async () => {
  reported.away = true;
  const failed = (await system.invoke(system.output('StateReport'), { now: true })) as ReportResult;
  expect(reported.results.map(({ runId }) => runId)).not.toContain(failed.runId);
  reported.away = false;
  const next = (await system.invoke(system.output('StateReport'), { now: true })) as ReportResult;
  const runIds = reported.results.map(({ runId }) => runId);
  expect(runIds).toEqual(expect.arrayContaining([failed.runId, next.runId]));
});

it('B4 streams contents: a file larger than the memory of the function arrives whole', async () => {
  const key = objectKey('large/file.bin');
  const part = randomBytes(64 * MIB);
  const PARTS = 9;
  const upload = await customer.createMultipart(key, { metadata: {} });
  const parts = [];
  const hash = createHash('sha256');
  for (let number = 1; number <= PARTS; number++) {
    parts.push(await customer.uploadPart(key, upload, number, part));
    hash.update(part);
  }
  await customer.completeMultipart(key, upload, parts);
  await tell({ type: 'create', key });
  await expect
    .poll(() => fileManager.files().get(key), { ...SOON, timeout: 250_000 })
    .toMatchObject({ sizeBytes: PARTS * part.length, sha256: hash.digest('hex') });
  // The function has 512 MiB, and the file does not fit in.
  expect(PARTS * part.length).toBeGreaterThan(512 * MIB);
  expect(functionPeakBytes(system.output('Deliver'))).toBeLessThan(384 * MIB);
});

it('B5 tries calls again that failed, with the idempotency key of the first try', async () => {
  const key = objectKey(`fifth/${randomUUID()}`);
  await put(key, 'retried');
  fileManager.fail({ status: 503, times: 2 });
  await tell({ type: 'create', key });
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
  const tries = fileManager.calls().filter((call) => call.key === key);
  expect(tries.map(({ status }) => status)).toEqual([503, 503, 200, 200]);
  expect(new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
});

it('B5 survives connections that break, on the way to the bucket and to the file manager', async () => {
  const key = objectKey(`fifth/${randomUUID()}`);
  await put(key, 'broken');
  toCustomer.cut(2);
  toFileManager.cut(1);
  await tell({ type: 'create', key });
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
});

it('B5 uses connections again', async () => {
  const before = { bucket: toCustomer.connections(), fileManager: toFileManager.connections() };
  const calls = fileManager.calls().length;
  const keys = Array.from({ length: 40 }, (_, index) => objectKey(`fifth/many/${index}`));
  for (const key of keys) {
    await put(key, 'x');
    await tell({ type: 'create', key });
  }
  for (const key of keys) await expect.poll(() => opsOf(key), SOON).toContain('saveToDisk');
  expect(fileManager.calls().length - calls).toBeGreaterThanOrEqual(80);
  expect(toFileManager.connections() - before.fileManager).toBeLessThan(20);
  expect(toCustomer.connections() - before.bucket).toBeLessThan(20);
});

it('B6 has the commands of the old service, and its test takes a file the whole way', async () => {
  const help = await operate('help');
  expect(help.code).toBe(0);
  for (const command of ['initial-sync', 'incremental-sync', 'status', 'test', 'help']) {
    expect(help.stdout).toContain(command);
  }
  const { code, stdout, stderr } = await operate('test', '--json');
  expect(code, stdout + stderr).toBe(0);
  const steps = (JSON.parse(stdout).steps as { name: string }[]).map((step) => step.name);
  expect(steps).toEqual(
    expect.arrayContaining([
      'hub',
      'ledger',
      'functions',
      'ledger has it',
      'file manager has it',
      'file manager deleted it',
    ]),
  );
});

it('B6 names what is missing in the old configuration, and takes nothing of it', async () => {
  const { code, stdout, stderr } = await importOld('s3-sync-service', { CUSTOMER_S3_BUCKET: 'Not a bucket' });
  printed.push(stdout, stderr);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  for (const key of [
    'CUSTOMER_S3_ENDPOINT',
    'CUSTOMER_S3_ACCESS_KEY',
    'CUSTOMER_S3_SECRET_KEY',
    'FILE_MANAGER_API_URL',
  ]) {
    expect(stderr).toContain(`${key}: `);
  }
});

it('B7 shows records, runs with their duration, what they did, and errors with their reasons', async () => {
  await system.invoke(system.output('StateReport'), { full: true, now: true });
  const tracked = (await Array.fromAsync(system.ledger.entries())).filter(({ state }) => state === 'present');
  const status = JSON.parse((await operate('status', '--json')).stdout);
  expect(status.tracked).toMatchObject({ objects: tracked.length });
  const named = (run: string) => status.runs.find((one: { name: string }) => one.name === run);
  expect(named('reconcile ledger')).toMatchObject({
    durationMs: expect.any(Number),
    result: { objects: expect.any(Number) },
  });
  expect(named('state report')).toMatchObject({
    endedMs: expect.any(Number),
    result: { created: expect.any(Number) },
  });
  expect(status.consumers).toContainEqual(expect.objectContaining({ name: 'deliver', deadLetters: 0 }));
  const run = JSON.parse(
    await contentOf(system.reports, objectKey(`${REPORT_PREFIX.runs}state-report.json`)),
  );
  expect(run).toMatchObject({ version: 1, errors: [], queues: expect.any(Array) });
});

it('B8 has a file manager for tests that records its calls', async () => {
  const calls = (await (await fetch(`${fileManager.url}/calls`)).json()) as object[];
  expect(calls.length).toBeGreaterThan(0);
  expect(calls[0]).toMatchObject({
    op: expect.any(String),
    key: expect.any(String),
    idempotencyKey: expect.any(String),
  });
});

it('B10 one command sets everything up and reloads, one runs the tests', () => {
  const root = join(import.meta.dirname, '../..');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(scripts).toMatchObject({
    start: 'node infra/local/start.ts',
    test: expect.stringContaining('--project unit'),
  });
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  expect(readme).toContain('npm start');
  expect(readme).toContain('npm test');
});

it('B11 tells a call again whose answer was lost, and the file manager does it once', async () => {
  const key = objectKey(`eleventh/${randomUUID()}`);
  await put(key, 'once');
  fileManager.fail({ status: 500, times: 2, applied: true });
  await tell({ type: 'create', key });
  await expect.poll(() => opsOf(key), SOON).toContain('saveToDisk');
  await expect
    .poll(async () => (await system.ledger.get(key))?.delivery?.etag, SOON)
    .toBe((await customer.head(key))?.etag);
  expect(appliedTwice(key)).toEqual([]);
});

it('B11 finishes a delivery that was cut off in the middle, and delivers nothing twice', async () => {
  const key = objectKey(`eleventh/${randomUUID()}`);
  const queue = system.output('DeliverQueueUrl');
  await put(key, 'cut off');
  await system.redeliverAfter(queue, 5);
  toFileManager.close();
  await tell({ type: 'create', key });
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions']);
  // Its answer is on the way, and never arrives.
  crashFunction(system.output('Deliver'));
  toFileManager.open();
  await expect
    .poll(async () => (await system.ledger.get(key))?.delivery?.etag, SOON)
    .toBe((await customer.head(key))?.etag);
  await expect.poll(() => system.waiting(queue), SOON).toBe(0);
  expect(fileManager.calls().filter((call) => call.key === key).length).toBeGreaterThan(2);
  expect(appliedTwice(key)).toEqual([]);
  expect(fileManager.files().get(key)).toMatchObject({ sizeBytes: 'cut off'.length });
});

it('B11 keeps what happens while it stands still', async () => {
  const key = objectKey(`eleventh/${randomUUID()}`);
  expect(await operate('pause', 'deliver')).toMatchObject({ code: 0 });
  await put(key, 'waits');
  await tell({ type: 'create', key });
  await expect.poll(() => system.ledger.get(key), SOON).toMatchObject({ state: 'present' });
  expect(opsOf(key)).toEqual([]);
  expect(await operate('resume', 'deliver')).toMatchObject({ code: 0 });
  await expect.poll(() => opsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
});

it('B9 shows no secret anywhere', async () => {
  const client = new DynamoDBClient();
  const { Items } = await client.send(new ScanCommand({ TableName: system.output('LedgerName') }));
  const reports = await Array.fromAsync(system.reports.list(''), ({ key }) => contentOf(system.reports, key));
  const logs = await system.logText(name);
  // What is searched is there.
  expect(logs).toContain('"delivered"');
  expect(Items?.length).toBeGreaterThan(10);
  expect(reports.length).toBeGreaterThan(5);
  const places = {
    logs,
    ledger: JSON.stringify(Items),
    reports: reports.join('\n'),
    template: await templateOf(name),
    printed: printed.join('\n'),
    told: JSON.stringify([fileManager.calls(), reported.results]),
  };
  for (const [place, all] of Object.entries(places)) {
    for (const secret of [secrets.secretAccessKey, system.token]) {
      expect(all.includes(secret), `${place} has a secret`).toBe(false);
    }
  }
});

async function put(key: string, content: string, metadata: Record<string, string> = {}): Promise<void> {
  await customer.put(objectKey(key), Buffer.from(content), { metadata });
}

function event(what: { type: string; key: string; newKey?: string; permissions?: unknown }) {
  return { version: 1, id: randomUUID(), time: new Date().toISOString(), ...what };
}

async function tell(what: Parameters<typeof event>[0]): Promise<void> {
  expect(await system.ingest(event(what))).toBe(200);
}

async function operate(...args: string[]): Promise<Awaited<ReturnType<DeployedSystem['ops']>>> {
  const ended = await system.ops(...args);
  printed.push(ended.stdout, ended.stderr);
  return ended;
}

/** The calls of a key that the file manager carried out. */
function opsOf(key: string): string[] {
  return fileManager
    .calls()
    .filter((call) => (call.key === key || call.from === key) && call.status === 200 && !call.repeated)
    .map(({ op }) => op);
}

/** The idempotency keys under which a call was carried out more than once. */
function appliedTwice(key: string): string[] {
  const carriedOut = fileManager.calls().filter((call) => call.key === key && !call.repeated);
  const keys = carriedOut.map(({ op, etag }) => `${op} ${etag ?? ''}`);
  return keys.filter((one, index) => keys.indexOf(one) !== index);
}

async function templateOf(stack: string): Promise<string> {
  const { TemplateBody = '' } = await new CloudFormationClient().send(
    new GetTemplateCommand({ StackName: stack }),
  );
  return TemplateBody;
}

interface Schedule {
  ScheduleExpression: string;
  Target: { Input?: string };
}

async function schedulesOf(stack: string): Promise<Schedule[]> {
  const { Resources } = JSON.parse(await templateOf(stack)) as {
    Resources: Record<string, { Type: string; Properties: Schedule }>;
  };
  return Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::Scheduler::Schedule')
    .map(({ Properties }) => Properties);
}

/** Who is sent the results of runs. */
async function reportReceiver(): Promise<typeof reported> {
  const receiver = { results: [] as ReportResult[], away: false, url: '', stop: () => {} };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (!receiver.away) receiver.results.push(JSON.parse(body));
      response.writeHead(receiver.away ? 500 : 200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/results`;
  receiver.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return receiver;
}
