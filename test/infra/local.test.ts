import { on, once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { claimPort } from '../../infra/local/port.ts';
import { startProcessGroup } from '../../infra/local/process-group.ts';
import { reloadOnChange } from '../../infra/local/reload.ts';
import { claimRunDirectory } from '../../infra/local/run-directory.ts';
import { localSettings } from '../../infra/local/surroundings.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-local-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the port', () => {
  test('that is taken is refused with the process that holds it and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(claimPort(port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`port ${port} is taken by process ${process.pid} `),
      hint: expect.stringContaining('--port'),
    });
    server.close();
  });

  test('0 is any free one', async () => {
    expect(await claimPort(0)).toBeGreaterThan(1023);
  });
});

describe('a process group', () => {
  const start = (script: string) =>
    startProcessGroup(process.execPath, ['-e', script], {
      environment: process.env,
      cwd: directory,
      output: 'pipe',
    });

  test('ends with what its leader started, also when the leader ignores SIGTERM', async () => {
    const group = start(`
      process.on('SIGTERM', () => {});
      const script = 'console.log(1); setInterval(() => {}, 1000)';
      require('node:child_process').spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
      setInterval(() => {}, 1000);
    `);
    const { stdout } = group.child;
    if (stdout === null) throw new Error('stdout is piped');
    // The child holds the pipe open for as long as it lives.
    const closed = once(stdout, 'close');
    await once(stdout, 'data');
    stdout.resume();
    await group.stop(50);
    expect(await group.ended).toBe('SIGKILL');
    await closed;
  });

  test('tells how its leader ended, and stopping it again does nothing', async () => {
    const group = start('process.exitCode = 3');
    expect(await group.ended).toBe(3);
    await group.stop(50);
  });

  test('ends with its parent, also when that is killed', async () => {
    const module = join(import.meta.dirname, '../../infra/local/process-group.ts');
    const child = `process.on('SIGTERM', () => { console.log('asked'); process.exit(); }); setTimeout(() => {}, 15_000); console.log('up')`;
    const parent = start(`
      const { startProcessGroup } = await import(${JSON.stringify(module)});
      const { child } = startProcessGroup(process.execPath, ['-e', ${JSON.stringify(child)}], {
        environment: process.env, cwd: '.', output: 1, endsWithParent: true,
      });
      setInterval(() => {}, 1000);
    `);
    const { stdout } = parent.child;
    if (stdout === null) throw new Error('stdout is piped');
    const said = on(stdout.setEncoding('utf8'), 'data', { close: ['close'] });
    expect((await said.next()).value).toEqual(['up\n']);
    parent.child.kill('SIGKILL');
    // The pipe closes when the last process that holds it has ended.
    expect(await Array.fromAsync(said, ([text]) => text)).toEqual(['asked\n']);
    await parent.stop(0);
  });

  test('tells when there is no such command', async () => {
    const group = startProcessGroup(join(directory, 'absent'), [], {
      environment: {},
      cwd: directory,
      output: 'pipe',
    });
    expect(await group.ended).toContain('ENOENT');
    await group.stop(50);
  });
});

describe('the run directory', () => {
  const lines: string[] = [];
  const claim = (runDir: string, fresh = false) =>
    claimRunDirectory(runDir, { fresh, onProgress: (line) => lines.push(line) });

  test('of a run that was cut off before it saved anything is put aside, not deleted', async () => {
    const runDir = join(directory, 'cut-off');
    await claim(runDir);
    await writeFile(join(runDir, 's3'), 'objects');
    const release = await claim(runDir);
    const [aside = ''] = (await readdir(runDir)).filter((name) => name.startsWith('aside-'));
    expect(await readdir(join(runDir, aside))).toEqual(['s3']);
    expect(lines.at(-1)).toContain(aside);
    await release();
  });

  test('of a run that ended in order is used again, unless asked to begin with nothing', async () => {
    const runDir = join(directory, 'in-order');
    await (await claim(runDir))();
    await writeFile(join(runDir, 's3'), 'objects');
    await (await claim(runDir))();
    expect(await readdir(runDir)).toEqual(['s3']);
    await (await claim(runDir, true))();
    expect(await readdir(runDir)).not.toContain('s3');
  });
});

test('the demo settings are right, and point to what is there', async () => {
  const target = join(directory, 'sluice.yaml');
  const source = join(import.meta.dirname, '../../infra/local/sluice.yaml');
  const there = { endpoint: 'https://127.0.0.1:4999', fileManager: 'http://127.0.0.1:4998' };
  const settings = await localSettings(source, target, { ...there, distribution: 'E123' });
  expect(settings.destinations.map(({ endpoint }) => endpoint)).toEqual([undefined, there.endpoint]);
  expect(settings.fileManager?.url).toBe(there.fileManager);
  expect(settings.report.endpoints.map(({ url }) => url)).toEqual([`${there.fileManager}/reports`]);
  expect(settings.cdn?.distribution).toBe('E123');
  const without = await localSettings(source, target, { ...there, distribution: undefined });
  expect(without.cdn).toBeUndefined();
});

test('live reload deploys a change and starts the agent anew; a deploy that fails waits for the next change', async () => {
  const sources = await mkdtemp(join(directory, 'sources-'));
  const start = async () =>
    startProcessGroup(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      environment: process.env,
      cwd: directory,
      output: 'pipe',
    });
  const stopping = new AbortController();
  const lines: string[] = [];
  let broken = true;
  const pids: (number | undefined)[] = [];
  const agent = reloadOnChange({
    sources: [sources],
    agent: await start(),
    startAgent: async () => {
      const group = await start();
      pids.push(group.child.pid);
      return group;
    },
    stopAgent: (one) => one.stop(1000),
    deploy: async () => {
      if (broken) throw new SyncError('a syntax error', { op: 'deploy', retryable: false });
    },
    onLine: (line) => void lines.push(line),
    signal: stopping.signal,
  });
  const soon = { timeout: 20_000 };
  await writeFile(join(sources, 'a.ts'), 'wrong');
  await expect.poll(() => lines, soon).toContain('not reloaded, waiting for the next change: a syntax error');
  expect(pids).toEqual([]);
  broken = false;
  await writeFile(join(sources, 'a.ts'), 'right');
  await expect.poll(() => lines, soon).toContain('reloaded');
  expect(pids).toHaveLength(1);
  process.kill(-(pids[0] ?? 0), 'SIGKILL');
  expect(await agent.ended).toBe('SIGKILL');
  stopping.abort();
  await agent.stop();
});
