import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type HostIndex, openIndex } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import type { AgentSettings } from '#core/settings/agent.ts';
import { type CheckTools, runChecks } from '../../edge-agent/check.ts';
import { watchLimitFinding } from '../../edge-agent/check-folder.ts';
import { checkLines } from '../../edge-agent/check-list.ts';
import { clockFinding } from '../../edge-agent/check-store.ts';
import { claimFolder } from '../../edge-agent/folder-claim.ts';
import { createMemoryStore, type MemoryStore } from '../doubles/store-memory.ts';
import { storeSettings } from './store-settings.ts';

const CAPABILITIES = {
  crc32: true,
  conditionalPut: true,
  conditionalDelete: false,
  versions: false,
  encryption: 'AES256',
};

type FolderInput = Partial<AgentSettings['folders'][number]>;

/** Where a store would be; its port answers anything, so that the check finds somebody there. */
async function endpoint(aheadMs = 0): Promise<string> {
  const server: Server = createServer((_, answer) => {
    answer.sendDate = false;
    answer.setHeader('date', new Date(Date.now() + aheadMs).toUTCString()).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function checks(
  options: { folder?: FolderInput; settings?: object; tools?: Partial<CheckTools>; store?: MemoryStore } = {},
) {
  const base = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  onTestFinished(() => rmSync(base, { recursive: true }));
  const path = join(base, 'output');
  const stateDirectory = join(base, 'state');
  mkdirSync(path);
  mkdirSync(stateDirectory);
  const store = options.store ?? createMemoryStore();
  const settings = storeSettings({
    store: { bucket: 'bucket', endpoint: await endpoint() },
    stateDirectory,
    folders: [{ name: 'output', path, prefix: 'output/', ...options.folder }],
    ...options.settings,
  });
  const tools: CheckTools = {
    store,
    credentials: async () => ({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'canary-secret' }),
    probe: async () => CAPABILITIES,
    openIndex: () => openIndex(join(stateDirectory, 'index.db'), { beside: true }),
    statusListen: join(stateDirectory, 'status.sock'),
    queueDepth: async () => ({ waiting: 3, inFlight: 1 }),
    cdn: { invalidate: async () => {} },
    ...options.tools,
  };
  const seen: string[] = [];
  const run = async () => {
    const results = await runChecks(settings, tools, ({ name }) => seen.push(name));
    expect(seen.splice(0)).toEqual(results.map(({ name }) => name));
    for (const { outcome, hint, name } of results)
      if (outcome === 'fail') expect(hint, name).not.toBe(undefined);
    return {
      results,
      text: results.map(checkLines).join(''),
      of: (name: string) => results.find((result) => result.name.startsWith(name)),
    };
  };
  return { path, stateDirectory, settings, store, run };
}

const denied = (op: string) => (called: string) => {
  if (called === op) {
    throw new SyncError(`${op}: AccessDenied`, {
      op,
      retryable: false,
      code: 'AccessDenied',
      hint: 'Check the policy.',
    });
  }
};

it('finds everything right, leaves nothing behind, and prints no secret', async () => {
  const { run, path, store, stateDirectory } = await checks({
    settings: { queue: 'http://127.0.0.1:9/q', cdn: { distribution: 'E1' } },
  });
  const { results, text, of } = await run();
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(of('credentials')?.detail).toBe('from the AWS default chain: access key …AMPLE');
  expect(of('capabilities')?.detail).toBe(
    'CRC-32 check, conditional put, no conditional delete, no versions, encryption AES256',
  );
  expect(of('permissions')?.detail).toBe('list, write, read, delete');
  expect(of('leases')?.detail).toMatch(/^supported/);
  expect(of('watching')?.detail).toMatch(/^by (?:fanotify|inotify)/);
  expect(of('queue')?.detail).toMatch(/about 3 messages wait/);
  expect(text).not.toContain('canary-secret');
  expect(text).toMatch(/^ok {4}state directory .*: can be written\n/);
  expect(readdirSync(path)).toEqual([]);
  expect(readdirSync(stateDirectory)).toEqual([]);
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
});

it.each([
  ['move', {}, 'note'],
  ['append', {}, 'note'],
  ['mirror', { deletes: false }, 'note'],
  ['mirror', {}, 'fail'],
] as const)('without permission to delete, a folder in mode %s %j is %s', async (mode, more, outcome) => {
  const store = createMemoryStore();
  store.before(denied('delete'));
  const { run } = await checks({ folder: { mode, ...more }, store });
  const found = (await run()).of('permissions');
  expect(found?.outcome).toBe(outcome);
  if (outcome === 'note') {
    expect(found?.detail).toMatch(/delete is not allowed, and mode \w+ never deletes/);
    expect(found?.hint).toMatch(/The probe output\/\.sluice-probe-\S+ stays in the bucket/);
  }
});

it('asks of a receiving folder what it does, and writes nothing for it', async () => {
  const store = createMemoryStore();
  store.before(denied('put'));
  const { run } = await checks({ folder: { mode: 'receive' }, store });
  const { of } = await run();
  expect(of('permissions')).toMatchObject({ ok: true, detail: 'list, read and delete' });
  expect(of('watching')).toBeUndefined();
  store.before(denied('delete'));
  expect((await run()).of('permissions')).toMatchObject({ outcome: 'fail', hint: 'Check the policy.' });
});

it('fails when what was written comes back changed', async () => {
  const store = createMemoryStore();
  const get: MemoryStore['get'] = async (key, options) => {
    const { head } = await store.get(key, options);
    return {
      head,
      body: (async function* () {
        yield Buffer.from('slu!ce');
      })(),
    };
  };
  const { run } = await checks({ tools: { store: { ...store, get } } });
  expect((await run()).of('permissions')).toMatchObject({
    outcome: 'fail',
    detail: expect.stringMatching(/other bytes than were written/),
  });
});

it('goes on after a failure, and leaves out only what depends on it', async () => {
  const { run } = await checks({
    folder: { path: `/nonexistent-${randomUUID()}` },
    tools: {
      credentials: async () => {
        throw new SyncError('there are none', { op: 'credentials', retryable: true, hint: 'Get some.' });
      },
    },
  });
  const { of, text } = await run();
  expect(of('folder output')).toMatchObject({
    outcome: 'fail',
    detail: expect.stringMatching(/ENOENT/),
    hint: expect.stringMatching(/mount it/),
  });
  expect(of('leases')).toMatchObject({
    outcome: 'skipped',
    detail: 'not tried, because of: identity of output',
  });
  expect(of('credentials')).toMatchObject({ outcome: 'fail', hint: 'Get some.' });
  expect(of('endpoint')).toMatchObject({ outcome: 'ok' });
  expect(of('store')).toMatchObject({ outcome: 'skipped', detail: 'not tried, because of: credentials' });
  expect(text).toContain('FAIL  credentials: there are none\n      Get some.\n');
});

it('says that the store cannot be reached, and what to do', async () => {
  const { run } = await checks({ settings: { store: { bucket: 'b', endpoint: 'http://127.0.0.1:9' } } });
  const { of } = await run();
  expect(of('endpoint')).toMatchObject({
    outcome: 'fail',
    detail: expect.stringMatching(/ECONNREFUSED/),
    hint: expect.stringMatching(/correct the endpoint in the settings/),
  });
  expect(of('clock')?.outcome).toBe('skipped');
});

it('says that a store without TLS has none, without the words of a library', async () => {
  const plain = (await endpoint()).replace('http:', 'https:');
  const { run } = await checks({ settings: { store: { bucket: 'b', endpoint: plain } } });
  const { of } = await run();
  expect(of('endpoint')).toMatchObject({
    outcome: 'fail',
    detail: 'wrong version number',
    hint: expect.stringMatching(/http:\/\/ instead of https:\/\//),
  });
});

it('knows a folder that is not the one that was synced', async () => {
  const { run, path, stateDirectory, settings } = await checks();
  const index: HostIndex = openIndex(join(stateDirectory, 'index.db'));
  const [folder] = settings.folders;
  if (folder === undefined) throw new Error('no folder');
  claimFolder(folder, index).release();
  index.close();
  expect((await run()).of('identity')).toMatchObject({ outcome: 'ok' });
  rmSync(path, { recursive: true });
  mkdirSync(path);
  const { of } = await run();
  expect(of('identity')).toMatchObject({
    outcome: 'fail',
    detail: expect.stringMatching(/has lost its/),
    hint: expect.stringMatching(/accept-folder/),
  });
  expect(readdirSync(path), 'an empty mount point stays empty').toEqual([]);
});

it('fails on an index of another program, and leaves it', async () => {
  const { run, stateDirectory } = await checks();
  writeFileSync(join(stateDirectory, 'index.db'), 'not a database, and long enough to be looked at as one');
  expect((await run()).of('index')?.outcome).toBe('fail');
  expect(readdirSync(stateDirectory)).toEqual(['index.db']);
});

it.each([
  [0, 'agrees with the store'],
  [4_000, 'agrees with the store'],
  [-60_000, { detail: '60 s behind the store', hint: expect.stringContaining('Set the clock') }],
  [899_000, { detail: '899 s ahead of the store', hint: expect.stringContaining('Set the clock') }],
])('a clock that is %i ms off is something to know, below what S3 refuses', (offMs, finding) => {
  expect(clockFinding(offMs)).toEqual(finding);
});

it('a clock that S3 would refuse fails', async () => {
  expect(() => clockFinding(901_000)).toThrow('901 s ahead of the store');
  const off = await endpoint(3_600_000);
  const { run } = await checks({ settings: { store: { bucket: 'b', endpoint: off } } });
  expect((await run()).of('clock')).toMatchObject({
    outcome: 'fail',
    detail: expect.stringMatching(/^3[56]\d\d s behind/),
    hint: expect.stringMatching(/Set the clock/),
  });
});

it.each([
  [100, 'ok'],
  [850, 'note'],
  [1001, 'fail'],
])('%i directories under a limit of 1,000 watches: %s', (directories, outcome) => {
  const find = () => watchLimitFinding('by inotify', { directories, complete: true }, 1000);
  if (outcome === 'fail') expect(find).toThrow(/1,001 directories, fs.inotify.max_user_watches is 1,000/);
  else expect(typeof find()).toBe(outcome === 'ok' ? 'string' : 'object');
});
