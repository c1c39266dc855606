/** The `mirror` mode when the store does what it is asked and its answers never arrive: the real agent, a real S3 server. */
import { unlinkSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { objectKey } from '#core/key.ts';
import { agentUnderTest, agentYaml, type Place } from './agent-process.ts';

const KEY = objectKey('output/f');
const SOON = { timeout: 30_000, interval: 20 };
const PART_BYTES = 5 * 1024 * 1024;

/** Of what makes the object, or tells of it; not of parts and their upload. */
const MAKES_OBJECT = /\/output\/f($|\?(?!uploads|partNumber))/;

/** In front of the suite's server; `lose`: from now on nobody hears what becomes of requests for the key. */
async function losingProxy() {
  const { hostname, port } = new URL(inject('endpoint'));
  let losing = false;
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const upstream = request({ hostname, port, method, path, headers }, (answer) => {
      if (losing && MAKES_OBJECT.test(path ?? ''))
        return void answer.resume().on('end', () => outgoing.destroy());
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose(on: boolean) {
      losing = on;
    },
  };
}

async function unheard(content: string, limits: Record<string, unknown> = {}) {
  const proxy = await losingProxy();
  const config = (place: Place) =>
    agentYaml({ ...place, endpoint: proxy.endpoint }, { mode: 'mirror' }, { limits });
  const agent = await agentUnderTest({ config });
  const running = agent.start('run');
  await running.says('watching');
  proxy.lose(true);
  const file = join(agent.folder, 'f');
  writeFileSync(file, content);
  await expect.poll(() => agent.store.head(KEY), SOON).toBeDefined();
  await running.says('cannot be reached');
  return { ...agent, running, proxy, file };
}

it.each([
  ['whole', 'content', {}],
  ['in parts', 'x'.repeat(PART_BYTES + 1), { partBytes: PART_BYTES }],
])(
  'removes the object of a file that was sent %s and went before that was confirmed, after a restart as well',
  async (_how, content, limits) => {
    const { store, start, running, proxy, file } = await unheard(content, limits);
    running.process.kill('SIGTERM');
    await running.exit;
    unlinkSync(file);
    proxy.lose(false);
    await start('run').says('deleted output/f');
    expect(await store.head(KEY)).toBeUndefined();
  },
);

it('keeps what somebody else has put in its place meanwhile, and says so', async () => {
  const { store, start, running, proxy, file } = await unheard('content');
  running.process.kill('SIGTERM');
  await running.exit;
  await store.put(KEY, Buffer.from('another'), { metadata: {} });
  unlinkSync(file);
  proxy.lose(false);
  await start('run').says('kept in the bucket: somebody else has changed the object');
  expect((await store.head(KEY))?.sizeBytes).toBe('another'.length);
});

it('sends the file again when it is still there, and forgets what was not confirmed', async () => {
  const { store, running, proxy, file } = await unheard('content');
  const metadata = (await store.head(KEY))?.metadata ?? {};
  proxy.lose(false);
  await running.says('uploaded output/f');
  await store.put(KEY, Buffer.from('another'), { metadata });
  unlinkSync(file);
  await running.says('kept in the bucket: somebody else has changed the object');
  expect((await store.head(KEY))?.sizeBytes).toBe('another'.length);
});
