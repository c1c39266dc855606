/** What is malformed, huge, hostile, gone or forbidden: it is visible, nothing is lost, and nobody else notices. */
import { randomUUID } from 'node:crypto';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { parse as parseCsv } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { ENV } from '#core/names.ts';
import type { ReportResult } from '#core/report-result.ts';
import { LOCAL_INGEST_TOKEN } from '../../infra/local/surroundings.ts';
import { contentOf } from '../contracts/object-store.ts';
import { stackUnderTest } from './stack-under-test.ts';

const stack = await stackUnderTest();
const SOON = { timeout: 120_000, interval: 250 };
const [mirror, offsite] = stack.mirrors;
if (mirror === undefined || offsite === undefined) throw new Error('the demo stack has two destinations');
const put = (key: ObjectKey, text: string) => stack.hub.put(key, Buffer.from(text), { metadata: {} });
const present = async (key: ObjectKey) => (await stack.ledger.get(key))?.state === 'present';

/** Names that tools stumble over: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const ODD = [
  // To the emulator's policies, unlike those of AWS, the wildcard of a resource ends at a line feed.
  ...(stack.policiesEnforced ? [] : ['line\nfeed']),
  'carriage\rreturn',
  ' leading',
  'trailing ',
  'back\\slash',
  'plus+and space',
  'percent%41%',
  'nfc-\u00e9',
  'nfd-e\u0301',
  'control-\u0001',
  'quote"and,comma',
  '=formula()',
  '😀/日本',
  "a&b<c>d'e",
  '?query#fragment',
];

it('carries keys with every odd character to the ledger, both mirrors, the file manager and the state', async () => {
  const prefix = `output/odd-${randomUUID()}/`;
  const keys = ODD.map((name) => objectKey(`${prefix}${name}`));
  for (const key of keys) await put(key, `content of ${key}`);
  const files = async () =>
    Object.keys((await (await fetch(`${stack.fileManager.url}/files`)).json()) as object);
  for (const key of keys) {
    await expect.poll(() => present(key), SOON).toBe(true);
    for (const store of stack.mirrors) {
      await expect
        .poll(async () => (await store.head(key)) && contentOf(store, key), SOON)
        .toBe(`content of ${key}`);
    }
  }
  await expect
    .poll(async () => (await files()).filter((key) => key.startsWith(prefix)).sort(), SOON)
    .toEqual([...keys].sort());
  const { files: written } = (await stack.invoke(stack.output('StateReport'), {
    full: true,
    now: true,
  })) as ReportResult;
  const rows: string[][] = parseCsv(await contentOf(stack.reports, objectKey(written.full ?? '')));
  const told = rows
    .map(([key = '']) => key.replace(/^'(?=[=+\-@\t\r'])/, ''))
    .filter((key) => key.startsWith(prefix));
  expect(told.sort()).toEqual([...keys].sort());
});

it.each([
  ['no JSON', 'no JSON'],
  ['another shape', '{"hello":"world"}'],
  ['a notification of an unknown version', notification({ eventVersion: '9.0' })],
  [
    'a customer event of an unknown version',
    '{"version":7,"type":"create","key":"k","time":"2026-01-01T00:00:00Z"}',
  ],
  ['a key that is no UTF-8', notification({}, '%ff%fe')],
  ['a key longer than any', notification({}, 'k'.repeat(5000))],
  ['a bucket of somebody else', notification({}, 'k', 'somebody-elses')],
  [
    'nesting without end',
    `{"version":1,"id":"i","type":"change_permission","key":"k","time":"2026-01-01T00:00:00Z","permissions":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}`,
  ],
])('parks an event that is %s, and goes on with the others', async (_name, body) => {
  const deadLetters = stack.output('EventReplayDlqUrl');
  const before = await stack.waiting(deadLetters);
  await stack.send(stack.output('EventReplayQueueUrl'), body);
  const key = objectKey(`output/beside-bad-${randomUUID()}`);
  await put(key, 'fine');
  await expect.poll(() => present(key), SOON).toBe(true);
  await expect.poll(() => stack.waiting(deadLetters), SOON).toBe(before + 1);
  const { stdout } = await stack.ops('status', '--json');
  expect(JSON.parse(stdout).consumers).toContainEqual(
    expect.objectContaining({ name: 'ledger', deadLetters: before + 1 }),
  );
});

it('refuses at the ingest URL what no consumer could use, while the sender listens', async () => {
  const post = async (body: string, headers: Record<string, string> = {}) =>
    (
      await fetch(stack.ingestUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${LOCAL_INGEST_TOKEN}`,
          'content-type': 'application/json',
          ...headers,
        },
        body,
      })
    ).status;
  expect(await post('no JSON')).toBe(422);
  expect(await post(notification({ eventVersion: '9.0' }))).toBe(422);
  expect(await post(JSON.stringify({ data: 'x'.repeat(2 * 1024 * 1024) }))).toBe(413);
  expect(await post('{}', { 'content-type': 'text/plain' })).toBe(415);
  expect(await post('{}', { authorization: 'Bearer ' })).toBe(401);
  expect(await post('{"sluice":"approve","version":1}')).toBe(422);
});

it('parks what goes to a bucket that is gone, carries the rest, and converges when it is back', async () => {
  const s3 = new S3Client({ forcePathStyle: true });
  const kept = await Array.fromAsync(offsite.list(''), ({ key }) => key);
  for (const key of kept) await offsite.delete(key);
  await s3.send(new DeleteBucketCommand({ Bucket: offsite.bucket }));
  const deadLetters = stack.output('MirrorOffsiteDlqUrl');
  const key = objectKey(`output/gone-${randomUUID()}`);
  try {
    const before = await stack.waiting(deadLetters);
    await put(key, 'for a bucket that is gone');
    await expect.poll(() => mirror.head(key), SOON).toBeDefined();
    await expect.poll(() => stack.waiting(deadLetters), SOON).toBeGreaterThan(before);
    const { stdout } = await stack.ops('status', '--json');
    const shown = JSON.parse(stdout).consumers.find((one: { name: string }) => one.name === 'mirror-offsite');
    expect(shown.deadLetters).toBeGreaterThan(before);
    const found = await stack.ops('reconcile', 'offsite', '--wait');
    expect(found.code).toBe(1);
  } finally {
    await s3.send(new CreateBucketCommand({ Bucket: offsite.bucket }));
    s3.destroy();
  }
  await stack.ops('redrive', 'all');
  await expect
    .poll(async () => (await offsite.head(key)) && contentOf(offsite, key), SOON)
    .toBe('for a bucket that is gone');
  expect(await stack.ops('reconcile', 'offsite', '--wait')).toMatchObject({ code: 0 });
  await expect
    .poll(async () => (await Array.fromAsync(offsite.list(''))).length, { ...SOON, timeout: 300_000 })
    .toBeGreaterThanOrEqual(kept.length);
});

it('never calls a file manager at a private address unless that is allowed, and forgets nothing meanwhile', async () => {
  const lambda = new LambdaClient();
  const FunctionName = stack.output('Deliver');
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const allowed = Environment?.Variables ?? {};
  const setVariables = (Variables: Record<string, string>) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  const settings = { ...JSON.parse(allowed[ENV.fileManager] ?? '{}'), allowPrivate: false };
  const deadLetters = stack.output('DeliverDlqUrl');
  const key = objectKey(`output/internal-${randomUUID()}`);
  const told = async () =>
    (await stack.fileManager.calls()).filter((call) => call.key === key).map(({ op }) => op);
  try {
    await setVariables({ ...allowed, [ENV.fileManager]: JSON.stringify(settings) });
    const before = await stack.waiting(deadLetters);
    await put(key, 'not for everybody');
    await expect.poll(() => stack.waiting(deadLetters), SOON).toBeGreaterThan(before);
    expect(await told()).toEqual([]);
  } finally {
    await setVariables(allowed);
    lambda.destroy();
  }
  await stack.ops('redrive', 'deliver');
  await expect.poll(told, SOON).toEqual(['updatePermissions', 'saveToDisk']);
});

function notification(record: object, key = 'k', bucket = stack.output('HubName')): string {
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        eventTime: '2026-01-01T00:00:00Z',
        s3: { bucket: { name: bucket }, object: { key, sequencer: '01', eTag: 'f'.repeat(32), size: 1 } },
        ...record,
      },
    ],
  });
}
