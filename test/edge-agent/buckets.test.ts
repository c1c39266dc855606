/** Buckets that the agent mirrors, beyond what its predecessor did: prefixes, guards, webhooks, and folders beside them. */
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { stringify } from 'yaml';
import { objectKey } from '#core/key.ts';
import type { ObjectStore } from '#core/ports.ts';
import { s3Body } from '../doubles/s3-event.ts';
import { loopbackProxy } from '../systems/loopback-proxy.ts';
import { storeAt } from '../systems/relic-host.ts';
import { agentUnderTest, type Place, type RunningAgent } from './agent-process.ts';

vi.setConfig({ testTimeout: 120_000 });

interface Wish {
  bucket?: Record<string, unknown>;
  destination?: Record<string, unknown>;
  settings?: (place: Place) => Record<string, unknown>;
  endpoint?: string;
}

async function mirroring({ bucket, destination, settings = () => ({}), endpoint }: Wish = {}) {
  const agent = await agentUnderTest({
    environment: { HOOK: 'hook-token' },
    config: (place) =>
      stringify({
        log: { level: 'DEBUG' },
        buckets: [
          {
            name: 'pictures',
            source: { bucket: place.bucket, endpoint: place.endpoint },
            destinations: [
              {
                name: 'site-b',
                bucket: `${place.bucket}-b`,
                endpoint: endpoint ?? place.endpoint,
                createBucket: true,
                ...destination,
              },
            ],
            notifications: 'off',
            retry: { attempts: 2, delay: '1s' },
            ...bucket,
          },
        ],
        ...settings(place),
      }),
  });
  const target = storeAt(`${agent.bucket}-b`);
  onTestFinished(() => target.close());
  const socketPath = join(agent.base, 'state/status.sock');
  return {
    ...agent,
    source: agent.store,
    target,
    ask: (path: string, method = 'GET') => ask(socketPath, path, method),
  };
}

const put = (store: ObjectStore, key: string, text = key) =>
  store.put(objectKey(key), Buffer.from(text), { metadata: {} });
const keysIn = async (store: ObjectStore) =>
  (await Array.fromAsync(store.list(''))).map(({ key }) => String(key));

it('mirrors only what is below the prefix, and leaves alone what others have at the destination', async () => {
  const { source, target, start } = await mirroring({
    bucket: { prefix: 'in/' },
    destination: { prefix: 'copy/' },
  });
  await target.createBucket();
  for (const key of ['copy/other/x', 'theirs', 'copy/in/stale', 'copy/.sluice/owners/x'])
    await put(target, key);
  for (const key of ['in/a', 'in/.sluice-probe-1', 'out/b']) await put(source, key);
  const once = start('once');
  expect(await once.exit, once.output()).toBe(0);
  expect(await keysIn(target)).toEqual(['copy/.sluice/owners/x', 'copy/in/a', 'copy/other/x', 'theirs']);
});

it('lets a store copy by itself what stays in it, and asks for nothing that is known to be the same', async () => {
  const proxy = await loopbackProxy();
  const endpoint = `http://${proxy.address}`;
  const { source, bucket, target, start } = await mirroring({
    endpoint,
    settings: (place) => ({
      buckets: [
        {
          name: 'pictures',
          source: { bucket: place.bucket, endpoint },
          destinations: [{ name: 'site-b', bucket: `${place.bucket}-b`, endpoint, createBucket: true }],
          notifications: 'off',
        },
      ],
    }),
  });
  await put(source, 'a');
  expect(await start('once').exit).toBe(0);
  expect(await keysIn(target)).toEqual(['a']);
  expect(proxy.requests().filter((one) => one.startsWith(`GET /${bucket}/a`))).toEqual([]);
  const before = proxy.requests().length;
  expect(await start('once').exit).toBe(0);
  const second = proxy.requests().slice(before);
  expect(second.filter((one) => one.startsWith('HEAD') && one.endsWith('/a'))).toEqual([]);
});

it('follows what a webhook tells within the interval, and looks before it deletes', async () => {
  const { source, bucket, target, start } = await mirroring({
    bucket: { notifications: { webhook: '127.0.0.1:0', tokenVariable: 'HOOK' } },
  });
  await put(source, 'kept');
  await put(source, 'gone');
  const agent = start('run');
  await agent.says('comparison ended');
  const tell = webhookOf(agent);
  await put(source, 'new');
  await source.delete(objectKey('gone'));
  const removed = 's3:ObjectRemoved:Delete';
  expect(await tell(s3Body({ bucket, key: 'new', source: 'minio:s3' }))).toBe(200);
  expect(await tell(s3Body({ bucket, key: 'gone', name: removed, source: 'minio:s3' }))).toBe(200);
  // It is still there, whatever the event says.
  expect(await tell(s3Body({ bucket, key: 'kept', name: removed, source: 'minio:s3' }))).toBe(200);
  expect(await tell(s3Body({ bucket: 'another', key: 'elsewhere', source: 'minio:s3' }))).toBe(200);
  await agent.says('mirrored new');
  await agent.says('deleted at the destination gone');
  await agent.says('looked at kept');
  expect(await keysIn(target)).toEqual(['kept', 'new']);
  expect(agent.output().match(/comparison ended/g)).toHaveLength(1);
});

it('holds single deletes too once there are too many in the window, by key and with the reason', async () => {
  const { source, bucket, target, start, ask } = await mirroring({
    bucket: { notifications: { webhook: '127.0.0.1:0', tokenVariable: 'HOOK' } },
    destination: { guard: { count: 1 } },
  });
  for (const key of ['a', 'b', 'c']) await put(source, key);
  const agent = start('run');
  await agent.says('comparison ended');
  const tell = webhookOf(agent);
  for (const [key, said] of [
    ['a', 'deleted at the destination a'],
    ['b', 'delete held b'],
  ] as const) {
    await source.delete(objectKey(key));
    await tell(s3Body({ bucket, key, name: 's3:ObjectRemoved:Delete' }));
    await agent.says(said);
  }
  expect(await keysIn(target)).toEqual(['b', 'c']);
  const status = start('status');
  await status.exit;
  expect(status.output()).toMatch(/held {5}b: 2 deletes; the guard allows 1/);
  expect(await ask('/healthz')).toMatchObject({ status: 503, text: expect.stringContaining('pictures') });
  expect((await ask('/approve-deletes?bucket=pictures', 'POST')).status).toBe(202);
  await agent.says('1 deletes approved');
  expect(await keysIn(target)).toEqual(['c']);
  expect((await ask('/healthz')).status).toBe(200);
});

it('ends `once` with 1 when an object could not be mirrored, and mirrors the others', async () => {
  const proxy = await loopbackProxy();
  const { source, target, start } = await mirroring({ endpoint: `http://${proxy.address}` });
  await put(source, 'bad', 'spoil-me');
  await put(source, 'good');
  proxy.corrupt('up', 'spoil-me', 'SPOIL-me');
  const once = start('once');
  expect(await once.exit, once.output()).toBe(1);
  expect(once.output()).toContain('parked: ');
  expect(await keysIn(target)).toEqual(['good']);
  proxy.heal();
  const again = start('once');
  expect(await again.exit, again.output()).toBe(0);
  expect(await keysIn(target)).toEqual(['bad', 'good']);
});

it('does not start beside another agent with the same state', async () => {
  const { start } = await mirroring();
  const first = start('run');
  await first.says('comparison ended');
  const second = start('once');
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain('is locked by process');
});

it('says which variable of a key is not set, and touches nothing', async () => {
  const { source, target, start } = await mirroring({
    destination: { credentials: { accessKeyVariable: 'NOT_SET_KEY', secretKeyVariable: 'NOT_SET_SECRET' } },
  });
  await put(source, 'a');
  const once = start('once');
  expect(await once.exit).toBe(1);
  expect(once.output()).toContain('the environment variable NOT_SET_KEY is not set');
  expect(await target.bucketExists()).toBe(false);
});

it('checks both sides of every bucket', async () => {
  const { start } = await mirroring({ destination: { createBucket: false } });
  const check = start('check');
  expect(await check.exit, check.output()).toBe(1);
  expect(check.output()).toMatch(/^ok {4}source of pictures/m);
  expect(check.output()).toMatch(/^FAIL {2}destination pictures\/site-b.*NoSuchBucket/m);
});

it('works on folders and buckets in one agent, and shows both', async () => {
  const { source, target, start, ask, bucket } = await mirroring({
    settings: ({ folder, bucket, endpoint }) => ({
      store: { bucket, endpoint },
      folders: [{ name: 'output', path: folder, prefix: 'output/', mode: 'mirror' }],
    }),
  });
  await put(source, 'a');
  const agent = start('run');
  await agent.says('mirrored a');
  await agent.says('watching');
  const { folders, buckets, health } = JSON.parse((await ask('/status.json')).text);
  expect(folders).toMatchObject([{ name: 'output' }]);
  expect(buckets).toMatchObject([{ name: 'pictures', destination: 'site-b', done: { copied: 1 } }]);
  expect(health).toBe('ok');
  expect((await ask('/')).text).toContain(`${inject('endpoint')}/${bucket}-b/`);
  const beat = await Array.fromAsync(source.list('.sluice/agents/'));
  expect(beat).toHaveLength(1);
  expect(await keysIn(target)).toEqual(['a']);
});

it('asks for the name of a bucket that the settings have', async () => {
  const { start } = await mirroring();
  const wrong = start('retry', '--bucket', 'picture');
  expect(await wrong.exit).toBe(2);
  expect(wrong.output()).toContain('picture is no bucket of the settings: did you mean pictures?');
});

/** Sends to where the agent says that it takes the webhook; answers the status. */
function webhookOf(agent: RunningAgent): (body: string) => Promise<number> {
  const address = / webhook (\S+)/.exec(agent.output())?.[1];
  return async (body) =>
    (
      await fetch(`http://${address}/`, {
        method: 'POST',
        headers: { authorization: 'Bearer hook-token' },
        body,
      })
    ).status;
}

function ask(socketPath: string, path: string, method: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method, headers: { host: 'localhost' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject).end();
  });
}
