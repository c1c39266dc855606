/** One file, all the way, on the deployed template: host -> hub -> ledger -> mirrors -> report. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import type { LedgerEntry } from '#core/ledger-entry.ts';
import type { ReportResult } from '#core/report-result.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest, agentYaml } from '../edge-agent/agent-process.ts';
import { stackUnderTest } from './stack-under-test.ts';

const stack = await stackUnderTest();
const SOON = { timeout: 300_000, interval: 250 };
const visible = (folder: string) => readdirSync(folder).filter((name) => name !== '.sluice');
const agentOnHub = () =>
  agentUnderTest({
    // One after another they have the same prefix, each on a folder of its own.
    config: (place) => agentYaml(place, {}, { exclusive: false }),
    bucket: stack.output('HubName'),
    endpoint: stack.endpoint,
    environment: stack.environment,
  });

async function rowsBelow(prefix: string): Promise<LedgerEntry[]> {
  const rows = await Array.fromAsync(stack.ledger.entries());
  return rows.filter(({ key }) => key.startsWith(prefix));
}

it('carries a slowly written file to hub, ledger, both mirrors and the report, once and whole', async () => {
  const { folder, start } = await agentOnHub();
  const agent = start('run');
  await agent.says('watching');
  const name = `slow-${randomUUID()}.txt`;
  const key = objectKey(`output/${name}`);
  const writer = createWriteStream(join(folder, name));
  for (const chunk of ['one ', 'two ', 'three']) {
    writer.write(chunk);
    await agent.says('not yet: is open for writing');
  }
  writer.end();
  await once(writer, 'close');
  await agent.says(`removed ${key}`);
  const etag = (await stack.hub.head(key))?.etag;
  await expect
    .poll(() => stack.ledger.get(key), SOON)
    .toMatchObject({
      state: 'present',
      etag,
      sizeBytes: 13,
      mirrors: { mirror: { sourceEtag: etag }, offsite: { sourceEtag: etag } },
    });
  for (const mirror of stack.mirrors) {
    expect(await contentOf(mirror, key)).toBe('one two three');
    expect((await mirror.head(key))?.metadata).toMatchObject({ mode: '644' });
  }
  const { files } = (await stack.invoke(stack.output('StateReport'), { full: true })) as ReportResult;
  const report = await contentOf(stack.reports, objectKey(files.full ?? ''));
  expect(report).toMatch(new RegExp(`^${key},present,13,${etag},`, 'm'));
});

it('carries 1,000 files in new nested directories', async () => {
  const { folder, start } = await agentOnHub();
  const agent = start('run');
  await agent.says('watching');
  const run = `many-${randomUUID()}`;
  const script = `for d in $(seq 20); do mkdir -p ${run}/$d/x; for f in $(seq 50); do echo $d-$f > ${run}/$d/x/$f; done; done`;
  execFileSync('sh', ['-c', script], { cwd: folder });
  await expect.poll(() => visible(folder), SOON).toEqual([]);
  const prefix = `output/${run}/`;
  expect(await Array.fromAsync(stack.hub.list(prefix))).toHaveLength(1000);
  const settled = async () =>
    (await rowsBelow(prefix)).filter(
      ({ state, etag, mirrors }) =>
        state === 'present' && mirrors.mirror?.sourceEtag === etag && mirrors.offsite?.sourceEtag === etag,
    ).length;
  await expect.poll(settled, { ...SOON, timeout: 200_000 }).toBe(1000);
  for (const mirror of stack.mirrors) expect(await Array.fromAsync(mirror.list(prefix))).toHaveLength(1000);
});

it('keeps the ledger right under duplicate and reordered events', async () => {
  const key = objectKey(`output/order-${randomUUID()}`);
  await stack.hub.put(key, Buffer.from('old'), { metadata: {} });
  await stack.hub.put(key, Buffer.from('newest'), { metadata: {} });
  const { etag } = (await stack.hub.head(key)) ?? { etag: '' };
  const event = (name: string, sequencer: string, eTag: string, size: number) =>
    JSON.stringify({
      Records: [
        {
          eventVersion: '2.1',
          eventSource: 'aws:s3',
          eventName: name,
          eventTime: new Date(0).toISOString(),
          s3: { bucket: { name: stack.output('HubName') }, object: { key, sequencer, eTag, size } },
        },
      ],
    });
  const queue = stack.output('EventReplayQueueUrl');
  for (const [name, sequencer] of [
    ['ObjectRemoved:Delete', '0A'],
    ['ObjectCreated:Put', '01'],
    ['ObjectCreated:Put', '01'],
    ['ObjectRemoved:DeleteMarkerCreated', '00FF'],
  ] as const) {
    await stack.send(queue, event(name, sequencer, 'f'.repeat(32), 3));
  }
  await expect.poll(() => stack.waiting(queue), SOON).toBe(0);
  await expect
    .poll(() => stack.ledger.get(key), SOON)
    .toMatchObject({ state: 'present', etag, sizeBytes: 6 });
});

it('puts a poison message into its dead-letter queue, and goes on with the rest', async () => {
  const queue = stack.output('EventReplayQueueUrl');
  const deadLetters = stack.output('EventReplayDlqUrl');
  await stack.redeliverAfter(queue, 1);
  const poison = `poison ${randomUUID()}`;
  await stack.send(queue, poison);
  const key = objectKey(`output/beside-poison-${randomUUID()}`);
  await stack.hub.put(key, Buffer.from('fine'), { metadata: {} });
  await expect.poll(() => stack.ledger.get(key), SOON).toMatchObject({ state: 'present' });
  await expect.poll(() => stack.receive(deadLetters), SOON).toContain(poison);
});

it('mirrors a delete, and keeps a tombstone', async () => {
  const key = objectKey(`output/deleted-${randomUUID()}`);
  await stack.hub.put(key, Buffer.from('short-lived'), { metadata: {} });
  for (const mirror of stack.mirrors) await expect.poll(() => mirror.head(key), SOON).toBeDefined();
  await stack.hub.delete(key);
  await expect.poll(() => stack.ledger.get(key), SOON).toMatchObject({ state: 'deleted' });
  for (const mirror of stack.mirrors) await expect.poll(() => mirror.head(key), SOON).toBeUndefined();
});

it('loses nothing and does nothing twice when the agent is killed in the middle', async () => {
  const { folder, start } = await agentOnHub();
  const run = `killed-${randomUUID()}`;
  mkdirSync(join(folder, run));
  for (let index = 0; index < 200; index++) writeFileSync(join(folder, run, `f${index}`), `content ${index}`);
  const first = start('run');
  await first.says('removed output/');
  first.process.kill('SIGKILL');
  await first.exit;
  expect(visible(folder)).toEqual([run]);
  start('run');
  await expect.poll(() => visible(folder), SOON).toEqual([]);
  const present = async () =>
    (await rowsBelow(`output/${run}/`)).filter(({ state }) => state === 'present').length;
  await expect.poll(present, SOON).toBe(200);
  expect(await rowsBelow(`output/${run}/`)).toHaveLength(200);
});

it('runs retention without touching what is too young', async () => {
  const key = objectKey(`output/scratch/young-${randomUUID()}`);
  await stack.hub.put(key, Buffer.from('young'), { metadata: {} });
  await expect.poll(() => stack.ledger.get(key), SOON).toMatchObject({ state: 'present' });
  await stack.invoke(stack.output('Retention'));
  expect(await contentOf(stack.hub, key)).toBe('young');
});
