/** System E of the predecessors, on the configuration that it documents: one bucket is kept like another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { importRelicHost } from '#core/import/relic-host.ts';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { createLog } from '../../edge-agent/log.ts';
import { contentOf } from '../contracts/object-store.ts';
import { runImport } from './imported-config.ts';
import { loopbackProxy } from './loopback-proxy.ts';
import { host, storeAt } from './relic-host.ts';

vi.setConfig({ testTimeout: 300_000 });

const MIB = 1024 * 1024;
/** How stores name bytes that are not those announced: by the MD5, or by the hash that was signed. */
const BAD_BYTES = /BadDigest|SHA256Mismatch/;
const KEYS = 'S3_SYNC_ACCESS_KEY=a\nS3_SYNC_SECRET_KEY=s\nS3_SYNC_BUCKET=my-relic-backups\n';

const put = (store: ObjectStore, key: string, text: string | Buffer) =>
  store.put(objectKey(key), Buffer.from(text), { metadata: { owner: 'relic' }, contentType: 'text/x-relic' });
const keysIn = async (store: ObjectStore) =>
  (await Array.fromAsync(store.list(''))).map(({ key }) => String(key));
const mirrored = (output: string) => [...output.matchAll(/ mirrored (\S+)/g)].map(([, key]) => key);

describe.each([host])('$name', (way) => {
  it('E1 copies new and changed objects, overwriting, with metadata and content type', async () => {
    const { source, target, runOnce } = await way.prepare();
    await put(source, 'dir/a b+ü😀', 'first');
    await put(source, 'kept', 'same');
    const first = await runOnce();
    expect(first.ok, first.output).toBe(true);
    expect(await keysIn(target)).toEqual(['dir/a b+ü😀', 'kept']);
    await put(source, 'dir/a b+ü😀', 'second, longer');
    const second = await runOnce();
    expect(second.ok, second.output).toBe(true);
    expect(await contentOf(target, objectKey('dir/a b+ü😀'))).toBe('second, longer');
    expect(await target.head(objectKey('dir/a b+ü😀'))).toMatchObject({
      contentType: 'text/x-relic',
      metadata: { owner: 'relic' },
    });
  });

  it('E1 removes what the source no longer has', async () => {
    const { source, target, runOnce } = await way.prepare();
    for (const key of ['a', 'b', 'c']) await put(source, key, key);
    await runOnce();
    await source.delete(objectKey('b'));
    const second = await runOnce();
    expect(second.ok, second.output).toBe(true);
    expect(await keysIn(target)).toEqual(['a', 'c']);
  });

  it('E1 removes nothing where that is turned off', async () => {
    const change = (yaml: string) => yaml.replace('deletes: true', 'deletes: false');
    const { source, target, runOnce } = await way.prepare({ change });
    for (const key of ['a', 'b']) await put(source, key, key);
    await runOnce();
    await source.delete(objectKey('b'));
    expect((await runOnce()).ok).toBe(true);
    expect(await keysIn(target)).toEqual(['a', 'b']);
  });

  it('E1 holds deletes of most of the bucket until somebody approves them', async () => {
    const { source, target, start, runOnce, status, approveDeletes } = await way.prepare();
    const keys = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, '0')}`);
    for (const key of keys) await put(source, key, key);
    expect((await runOnce()).ok).toBe(true);
    for (const key of keys.slice(1)) await source.delete(objectKey(key));
    const emptied = await runOnce();
    expect(emptied.ok).toBe(false);
    expect(emptied.output).toContain('held: 11 deletes wait for approval');
    expect(await keysIn(target)).toEqual(keys);
    expect(await status()).toMatchObject({
      held: 11,
      objects: keys.slice(1).map((key) => ({ key, state: 'held' })),
    });
    const run = start();
    await run.says('comparison ended');
    await approveDeletes();
    await run.says('11 deletes approved');
    expect(await keysIn(target)).toEqual(['k00']);
    expect((await status()).held).toBe(0);
    expect(await run.stop()).toBe(true);
  });

  it('E2 compares at every interval, and only what changed travels', async () => {
    const { source, target, start } = await way.prepare({ environment: { S3_SYNC_INTERVAL: '1' } });
    await put(source, 'first', '1');
    await put(source, 'other', 'o');
    const run = start();
    await run.says('mirrored first');
    await put(source, 'second', '2');
    await run.says('mirrored second');
    expect(await keysIn(target)).toEqual(['first', 'other', 'second']);
    expect(await run.stop()).toBe(true);
    expect(mirrored(run.output()).sort()).toEqual(['first', 'other', 'second']);
  });

  it('E2 runs by hand beside a run that waits for its interval', async () => {
    const { source, target, start, retry } = await way.prepare();
    const run = start();
    await run.says('comparison ended');
    await put(source, 'now', 'n');
    await retry();
    await run.says('mirrored now');
    expect(await keysIn(target)).toEqual(['now']);
    expect(await run.stop()).toBe(true);
  });

  it('E2 is paused where it is not enabled', async () => {
    const { source, target, start, status } = await way.prepare({
      environment: { S3_SYNC_ENABLED: 'false' },
    });
    await put(source, 'a', 'a');
    const run = start();
    await run.says('paused');
    expect(await status()).toMatchObject({ state: 'paused' });
    expect(await run.stop()).toBe(true);
    expect(await target.bucketExists()).toBe(false);
  });

  it('E3 makes a destination bucket that is missing', async () => {
    const { source, target, runOnce } = await way.prepare();
    await put(source, 'a', 'a');
    expect(await target.bucketExists()).toBe(false);
    const { ok, output } = await runOnce();
    expect(ok, output).toBe(true);
    expect(output).toContain('bucket made');
    expect(await keysIn(target)).toEqual(['a']);
  });

  it('E3 never takes a source that is gone for an empty one', async () => {
    const change = (yaml: string) =>
      yaml.replace(/bucket: agent-\S+(?=\n {6}type: minio)/, 'bucket: gone-for-good');
    const { target, runOnce } = await way.prepare({
      change,
      environment: { S3_SYNC_MAX_RETRIES: '1', S3_SYNC_RETRY_DELAY: '1' },
    });
    await target.createBucket();
    await put(target, 'precious', 'p');
    const { ok, output } = await runOnce();
    expect(ok).toBe(false);
    expect(output).toContain('the bucket gone-for-good does not exist');
    expect(await keysIn(target)).toEqual(['precious']);
  });

  it('E4 tries again as often as it is told, then parks the object where it can be seen and replayed', async () => {
    const proxy = await loopbackProxy();
    const { source, target, start, status, retry } = await way.prepare({
      targetEndpoint: `http://${proxy.address}`,
      environment: { S3_SYNC_MAX_RETRIES: '2', S3_SYNC_RETRY_DELAY: '1' },
    });
    await put(source, 'good', 'good');
    await put(source, 'bad', 'spoil-me');
    proxy.corrupt('up', 'spoil-me', 'SPOIL-me');
    const run = start();
    await run.says('not mirrored');
    await run.says('parked');
    expect(await keysIn(target)).toEqual(['good']);
    expect(await status()).toMatchObject({
      waiting: 0,
      parked: 1,
      objects: [{ key: 'bad', state: 'parked', attempts: 2, reason: expect.stringMatching(BAD_BYTES) }],
    });
    proxy.heal();
    await retry();
    await run.says('mirrored bad');
    expect(await contentOf(target, objectKey('bad'))).toBe('spoil-me');
    expect(await status()).toMatchObject({ waiting: 0, parked: 0 });
    expect(await run.stop()).toBe(true);
  });

  it('E4 goes on by itself when the destination is back', async () => {
    const proxy = await loopbackProxy();
    const { source, target, start } = await way.prepare({
      targetEndpoint: `http://${proxy.address}`,
      environment: { S3_SYNC_RETRY_DELAY: '1', S3_SYNC_MAX_RETRIES: '1000' },
    });
    await put(source, 'a', 'a');
    await proxy.goAway();
    const run = start();
    await run.says('not compared');
    await proxy.comeBack();
    await run.says('mirrored a');
    expect(await keysIn(target)).toEqual(['a']);
    expect(await run.stop()).toBe(true);
  });

  it('E6 mirrors to several destinations, of which one that is away holds up no other', async () => {
    const second = `relic-second-${Date.now().toString(36)}`;
    const proxy = await loopbackProxy();
    const change = (yaml: string) => withSecondDestination(yaml, second, `http://${proxy.address}`);
    const { source, target, start } = await way.prepare({
      change,
      environment: { S3_SYNC_RETRY_DELAY: '1' },
    });
    const other = storeAt(second);
    onTestFinished(() => other.close());
    await put(source, 'a', 'a');
    await proxy.goAway();
    const run = start();
    await run.says('mirrored a bucket=relic/backup');
    expect(await keysIn(target)).toEqual(['a']);
    await proxy.comeBack();
    await run.says('mirrored a bucket=relic/second');
    expect(await keysIn(other)).toEqual(['a']);
    expect(await run.stop()).toBe(true);
  });

  it('E7 asks for no more than to list and read the source, and to list, read, write and delete at the destination', async () => {
    const [at, to] = [await loopbackProxy(), await loopbackProxy()];
    const { source, target, targetBucket, runOnce } = await way.prepare({
      sourceEndpoint: `http://${at.address}`,
      targetEndpoint: `http://${to.address}`,
    });
    await target.createBucket();
    for (const key of ['a', 'b']) await put(source, key, key);
    await put(source, 'large', Buffer.alloc(65 * MIB, 1));
    expect((await runOnce()).ok).toBe(true);
    await source.delete(objectKey('b'));
    expect((await runOnce()).ok).toBe(true);
    const asked = (requests: readonly string[]) => [...new Set(requests.map((one) => shapeOf(one)))].sort();
    expect(asked(at.requests())).toEqual([
      `GET /${source.bucket}/KEY`,
      `GET /${source.bucket}/list`,
      `HEAD /${source.bucket}/`,
      `HEAD /${source.bucket}/KEY`,
    ]);
    expect(asked(to.requests())).toEqual([
      `DELETE /${targetBucket}/KEY`,
      `GET /${targetBucket}/list`,
      `GET /${targetBucket}/uploads`,
      `HEAD /${targetBucket}/`,
      `HEAD /${targetBucket}/KEY`,
      `POST /${targetBucket}/KEY?upload`,
      `PUT /${targetBucket}/KEY`,
      `PUT /${targetBucket}/KEY?upload`,
    ]);
  });

  it('E8 counts comparisons, objects, bytes and errors, and tells when the last one succeeded', async () => {
    const { source, start, metrics } = await way.prepare();
    await put(source, 'a', '12345');
    await put(source, 'b', '123');
    const run = start();
    await run.says('comparison ended');
    const text = await metrics();
    const labels = 'bucket="relic",destination="backup"';
    expect(text).toContain(`sluice_bucket_objects_total{${labels},what="copied"} 2`);
    expect(text).toContain(`sluice_bucket_bytes_total{${labels}} 8`);
    expect(text).toContain(`sluice_bucket_errors_total{${labels}} 0`);
    expect(text).toContain(`sluice_bucket_comparisons_total{${labels},result="success"} 1`);
    expect(text).toMatch(/sluice_bucket_last_success_timestamp_seconds\{[^}]*\} [1-9]/);
    expect(text).toMatch(/sluice_bucket_last_duration_seconds\{[^}]*\} \d/);
    expect(await run.stop()).toBe(true);
  });

  it('E8 writes the time of the configured zone into the log', async () => {
    const zone = 'Pacific/Kiritimati';
    const { runOnce } = await way.prepare({ environment: { S3_SYNC_TIMEZONE: zone } });
    const day = (offsetMs: number) =>
      new Date(Date.now() + offsetMs).toISOString().slice(0, 13).replace('T', ' ');
    const before = day(14 * 3_600_000);
    const { output } = await runOnce();
    expect([before, day(14 * 3_600_000)]).toContain(output.slice(0, 13));
  });

  it('E9 ends cleanly within a large object when it is asked to stop, and the next run goes on with it', async () => {
    const proxy = await loopbackProxy();
    const { source, target, start, runOnce } = await way.prepare({
      targetEndpoint: `http://${proxy.address}`,
    });
    const body = Buffer.alloc(160 * MIB, 'relic');
    await put(source, 'large', body);
    const parts = () => proxy.requests().filter((one) => one.includes('partNumber='));
    proxy.stall('partNumber=');
    const run = start();
    await proxy.passes('partNumber=');
    run.interrupt();
    await run.says('finishing what is in flight');
    proxy.heal();
    expect(await run.ended, run.output()).toBe(true);
    expect(run.output()).toContain('the copy goes on');
    expect(await keysIn(target)).toEqual([]);
    const sent = parts().length;
    const second = await runOnce();
    expect(second.ok, second.output).toBe(true);
    expect(parts().length).toBe(10);
    expect(sent).toBeLessThan(10);
    expect((await target.head(objectKey('large')))?.sizeBytes).toBe(body.length);
  });

  it('E9 goes on after a power cut: nothing half is visible, and the next run copies the rest', async () => {
    const proxy = await loopbackProxy();
    const { source, target, start, runOnce } = await way.prepare({
      targetEndpoint: `http://${proxy.address}`,
    });
    for (let index = 0; index < 40; index++) await put(source, `k${index}`, `content ${index}`);
    const run = start();
    await run.says('mirrored');
    await run.kill();
    const { ok, output } = await runOnce();
    expect(ok, output).toBe(true);
    expect((await keysIn(target)).sort()).toEqual((await keysIn(source)).sort());
  });
});

it('E3 names every setting that is missing or wrong, and imports nothing', () => {
  const base = mkdtempSync(join(tmpdir(), 'sluice-relic-'));
  onTestFinished(() => rmSync(base, { recursive: true }));
  const { exitCode, yaml, notes } = runImport('relic', base, 'S3_SYNC_ENABLED=maybe\nS3_SYNC_INTERVAL=0\n');
  expect(exitCode).toBe(2);
  expect(yaml).toBe('');
  for (const name of [
    'S3_SYNC_ACCESS_KEY',
    'S3_SYNC_SECRET_KEY',
    'S3_SYNC_BUCKET',
    'S3_SYNC_ENABLED',
    'S3_SYNC_INTERVAL',
  ]) {
    expect(notes).toContain(`${name}: found`);
  }
});

it.each([
  ['s3.amazonaws.com', 'us-east-1', { type: 'aws', endpoint: 'https://s3.us-east-1.amazonaws.com' }],
  [
    's3.us-west-000.backblazeb2.com',
    'us-west-000',
    { type: 'b2', endpoint: 'https://s3.us-west-000.backblazeb2.com' },
  ],
  ['s3.wasabisys.com', 'us-east-1', { type: 'wasabi', endpoint: 'https://s3.wasabisys.com' }],
  [
    'nyc3.digitaloceanspaces.com',
    'nyc3',
    { type: 'spaces', endpoint: 'https://nyc3.digitaloceanspaces.com' },
  ],
  ['http://minio.example:9000', 'us-east-1', { type: 'minio', endpoint: 'http://minio.example:9000' }],
  ['https://s3.example.org', 'eu-1', { type: 'other', endpoint: 'https://s3.example.org' }],
])('E5 knows the store at %s', (endpoint, region, expected) => {
  const imported = importRelicHost(`${KEYS}S3_SYNC_ENDPOINT=${endpoint}\nS3_SYNC_REGION=${region}\n`);
  if ('problems' in imported) throw new Error(JSON.stringify(imported.problems));
  const [bucket] = imported.settings.buckets as { destinations: unknown[] }[];
  expect(bucket?.destinations[0]).toMatchObject({ ...expected, region });
});

it('E8 paints the log on a terminal', () => {
  const lines: string[] = [];
  const log = createLog(
    { level: 'INFO', format: 'readable', timezone: 'UTC' },
    (line) => lines.push(line),
    true,
  );
  log.info('mirrored', { key: 'a' });
  log.error('parked', { key: 'b' });
  expect(lines[0]).toContain('\u001b[32mINFO');
  expect(lines[1]).toContain('\u001b[31m');
});

/** Method, bucket, and what of it: keys and ids are left out. */
function shapeOf(request: string): string {
  const [, method = '', bucket = '', key = '', query = ''] =
    /^(\S+) \/([^/?]*)\/?([^?]*)\??(.*)$/.exec(request) ?? [];
  if (key !== '') return `${method} /${bucket}/KEY${/upload/.test(query) ? '?upload' : ''}`;
  const what = /(?:^|&)(uploads|list-type|events)/.exec(query)?.[1] ?? '';
  return `${method} /${bucket}/${what === 'list-type' ? 'list' : what}`;
}

function withSecondDestination(yaml: string, bucket: string, endpoint: string): string {
  const settings = parse(yaml);
  const [first] = settings.buckets[0].destinations;
  settings.buckets[0].destinations.push({ ...first, name: 'second', bucket, endpoint });
  return JSON.stringify(settings);
}
