/** What the deployed stack does beside the path of one file: deliver, ingest, invalidate, reconcile, hold, pause, report. */
import { randomUUID } from 'node:crypto';
import {
  CloudFrontClient,
  GetInvalidationCommand,
  ListInvalidationsCommand,
} from '@aws-sdk/client-cloudfront';
import { expect, it } from 'vitest';
import { type ObjectKey, objectKey } from '#core/key.ts';
import type { ReportResult } from '#core/report-result.ts';
import { LOCAL_INGEST_TOKEN, localDistribution } from '../../infra/local/surroundings.ts';
import { contentOf } from '../contracts/object-store.ts';
import { stackUnderTest } from './stack-under-test.ts';

const stack = await stackUnderTest();
const SOON = { timeout: 120_000, interval: 250 };
const [mirror, offsite] = stack.mirrors;
if (mirror === undefined || offsite === undefined) throw new Error('the demo stack has two destinations');
const fresh = (name: string) => objectKey(`output/${name}-${randomUUID()}`);
const put = (key: ObjectKey, text: string) => stack.hub.put(key, Buffer.from(text), { metadata: {} });
const callsOf = async (key: string) =>
  (await stack.fileManager.calls())
    .filter((call) => call.key === key && call.status === 200 && !call.repeated)
    .map(({ op }) => op);

it('tells the file manager of permissions, content and the end of an object, each once', async () => {
  const key = fresh('delivered');
  await stack.hub.put(key, Buffer.from('content'), { metadata: { mode: '640', uid: '7', gid: '8' } });
  await expect.poll(() => callsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk']);
  const { etag } = (await stack.hub.head(key)) ?? {};
  await expect.poll(async () => (await stack.ledger.get(key))?.delivery, SOON).toMatchObject({ etag });
  const [told] = (await stack.fileManager.calls()).filter((call) => call.key === key);
  expect(told?.permissions).toEqual({ mode: '0640', uid: 7, gid: 8 });
  await stack.hub.delete(key);
  await expect.poll(() => callsOf(key), SOON).toEqual(['updatePermissions', 'saveToDisk', 'delete']);
});

it('takes customers’ events with the right token only, and tells of new permissions', async () => {
  const key = fresh('permitted');
  await put(key, 'content');
  await expect.poll(() => callsOf(key), SOON).toContain('saveToDisk');
  const send = (authorization: string, body: unknown) =>
    fetch(stack.ingestUrl, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const event = {
    version: 1,
    id: randomUUID(),
    type: 'change_permission',
    key,
    permissions: { group: 'staff' },
    time: new Date().toISOString(),
  };
  expect((await send('Bearer wrong', event)).status).toBe(401);
  expect((await send(`Bearer ${LOCAL_INGEST_TOKEN}`, { ...event, version: 9 })).status).toBe(422);
  expect((await send(`Bearer ${LOCAL_INGEST_TOKEN}`, event)).status).toBe(200);
  const told = async () =>
    (await stack.fileManager.calls()).filter((call) => call.key === key).at(-1)?.permissions;
  await expect.poll(told, SOON).toEqual({ group: 'staff' });
});

it('invalidates the path of what changed', async () => {
  const client = new CloudFrontClient();
  const DistributionId = await localDistribution();
  const key = fresh('cached');
  await put(key, 'content');
  const paths = async () => {
    const { InvalidationList } = await client.send(
      new ListInvalidationsCommand({ DistributionId, MaxItems: 100 }),
    );
    const all = (InvalidationList?.Items ?? []).map(async ({ Id }) => {
      const { Invalidation } = await client.send(new GetInvalidationCommand({ DistributionId, Id }));
      return Invalidation?.InvalidationBatch?.Paths?.Items ?? [];
    });
    return (await Promise.all(all)).flat();
  };
  const covers = async () =>
    (await paths()).some(
      (path) => path === `/${key}` || (path.endsWith('*') && `/${key}`.startsWith(path.slice(0, -1))),
    );
  await expect.poll(covers, SOON).toBe(true);
});

it('repairs what events did not tell: a copy that went, and one that was changed', async () => {
  const [gone, changed] = [fresh('gone'), fresh('changed')];
  for (const key of [gone, changed]) {
    await put(key, 'content');
    await expect.poll(async () => (await stack.ledger.get(key))?.mirrors.offsite, SOON).toBeDefined();
  }
  await offsite.delete(gone);
  await offsite.put(changed, Buffer.from('CONTENT'), { metadata: {} });
  const plan = await stack.ops('reconcile', 'offsite', '--dry-run', '--json');
  expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining(gone) });
  expect(plan.stdout).toContain(changed);
  expect(await offsite.head(gone)).toBeUndefined();
  expect(await stack.ops('reconcile', 'offsite', '--wait', '--json')).toMatchObject({ code: 0 });
  for (const key of [gone, changed]) {
    await expect.poll(async () => (await offsite.head(key)) && contentOf(offsite, key), SOON).toBe('content');
  }
});

it('holds more deletes than the guard allows until somebody approves them', async () => {
  const prefix = `output/foreign-${randomUUID()}/`;
  for (let index = 0; index < 1200; index++) {
    await mirror.put(objectKey(`${prefix}${index}`), Buffer.from('x'), { metadata: {} });
  }
  const found = await stack.ops('reconcile', 'mirror', '--wait', '--json');
  expect(found.code, found.stderr).toBe(1);
  expect(await Array.fromAsync(mirror.list(prefix))).toHaveLength(1200);
  const { stdout } = await stack.ops('status', '--json');
  expect(JSON.parse(stdout).held).toMatchObject([{ destination: 'mirror', count: expect.any(Number) }]);
  expect(await stack.ops('approve', 'mirror', '--yes')).toMatchObject({ code: 0 });
  await expect.poll(async () => (await Array.fromAsync(mirror.list(prefix))).length, SOON).toBe(0);
});

it('lets a paused destination wait, and everybody else go on', async () => {
  expect(await stack.ops('pause', 'mirror')).toMatchObject({ code: 0 });
  const key = fresh('paused');
  await put(key, 'content');
  await expect.poll(async () => (await stack.ledger.get(key))?.mirrors.offsite, SOON).toBeDefined();
  expect(await mirror.head(key)).toBeUndefined();
  expect(await stack.ops('resume', 'mirror')).toMatchObject({ code: 0 });
  await expect.poll(() => mirror.head(key), SOON).toBeDefined();
});

it('puts dead letters back to work', async () => {
  const [queue, deadLetters] = [stack.output('EventReplayQueueUrl'), stack.output('EventReplayDlqUrl')];
  const key = fresh('redriven');
  await put(key, 'content');
  const look = { sluice: 'look', version: 1, looks: [{ key, reason: 'a test' }] };
  await stack.send(deadLetters, JSON.stringify(look));
  const before = await stack.waiting(deadLetters);
  expect(await stack.ops('redrive', 'ledger', '--json')).toMatchObject({ code: 0 });
  await expect.poll(() => stack.waiting(queue), SOON).toBe(0);
  expect(await stack.waiting(deadLetters)).toBeLessThan(before);
});

it('reports what changed, shows it on a page, and sends it to who wants it', async () => {
  const key = fresh('reported');
  await put(key, 'content');
  await expect.poll(() => stack.ledger.get(key), SOON).toMatchObject({ state: 'present' });
  await stack.invoke(stack.output('StateReport'), { full: true, now: true });
  const result = (await stack.invoke(stack.output('StateReport'), { full: true, now: true })) as ReportResult;
  expect(result).toMatchObject({ errors: [] });
  const [diffs, full, page] = [
    await Array.fromAsync(stack.reports.list('diff/'), ({ key: name }) => contentOf(stack.reports, name)),
    await contentOf(stack.reports, objectKey(result.files.full ?? '')),
    await contentOf(stack.reports, objectKey('html/latest.html')),
  ];
  expect(diffs.join('')).toContain(key);
  expect(full).toContain(key);
  expect(page).toMatch(/^<!doctype html>/i);
  const reports = (await (await fetch(`${stack.fileManager.url}/reports`)).json()) as ReportResult[];
  expect(reports.map(({ runId }) => runId)).toContain(result.runId);
});

it('passes its own test, and shows all of it in the status', async () => {
  const tested = await stack.ops('test', '--json');
  expect(tested.code, tested.stdout + tested.stderr).toBe(0);
  const shown = await stack.ops('status');
  expect(shown.code).toBe(0);
  for (const word of ['mirror', 'offsite', 'deliver', 'invalidate', 'ledger'])
    expect(shown.stdout).toContain(word);
});
