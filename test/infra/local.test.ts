import { on, once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { agentLineText, parseAgentLine } from '../../infra/local/agent-line.ts';
import { startGate } from '../../infra/local/gate.ts';
import { claimPort } from '../../infra/local/port.ts';
import { type ProcessGroup, startProcessGroup } from '../../infra/local/process-group.ts';
import { reloadOnChange } from '../../infra/local/reload.ts';
import { claimRunDirectory } from '../../infra/local/run-directory.ts';
import { superviseAgent } from '../../infra/local/supervised-agent.ts';
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
    for (const name of ['s3', 'agents']) await writeFile(join(runDir, name), 'kept');
    await (await claim(runDir))();
    expect(await readdir(runDir)).toEqual(['agents', 's3']);
    await (await claim(runDir, true))();
    // What an agent knows of a store is not true of an empty one.
    const [aside, ...more] = await readdir(runDir);
    expect([aside?.startsWith('aside-'), more]).toEqual([true, []]);
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

test('live reload deploys a change and restarts the agent; a deploy that fails waits for the next change', async () => {
  const sources = await mkdtemp(join(directory, 'sources-'));
  const stopping = new AbortController();
  const lines: string[] = [];
  let broken = true;
  let restarts = 0;
  const reloading = reloadOnChange({
    sources: [sources],
    restartAgent: async () => {
      restarts++;
    },
    deploy: async () => {
      if (broken) throw new SyncError('a syntax error', { op: 'deploy', retryable: false });
    },
    onLine: (line) => void lines.push(line),
    signal: stopping.signal,
  });
  const soon = { timeout: 20_000 };
  await writeFile(join(sources, 'a.ts'), 'wrong');
  await expect.poll(() => lines, soon).toContain('not reloaded, waiting for the next change: a syntax error');
  expect(restarts).toBe(0);
  broken = false;
  await writeFile(join(sources, 'a.ts'), 'right');
  await expect.poll(() => lines, soon).toContain('reloaded');
  expect(restarts).toBe(1);
  stopping.abort();
  await reloading.idle();
});

describe('the supervised agent', () => {
  const groups: ProcessGroup[] = [];
  const supervise = () =>
    superviseAgent(async () => {
      const script = `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('up')`;
      const group = startProcessGroup(process.execPath, ['-e', script], {
        environment: process.env,
        cwd: directory,
        output: 'pipe',
      });
      if (group.child.stdout !== null) await once(group.child.stdout, 'data');
      groups.push(group);
      return group;
    });

  test('is killed, started and restarted without counting as one that ended by itself', async () => {
    const agent = await supervise();
    await agent.kill();
    expect(await groups.at(-1)?.ended).toBe('SIGKILL');
    expect(agent.isRunning()).toBe(false);
    await agent.kill();
    await Promise.all([agent.start(), agent.start()]);
    expect(groups).toHaveLength(2);
    await agent.restart();
    expect(await groups[1]?.ended).toBe(7);
    expect(agent.isRunning()).toBe(true);
    expect(await Promise.race([agent.ended, 'nobody was told'])).toBe('nobody was told');
    await agent.stop();
    expect(await groups[2]?.ended).toBe(7);
  });

  test('tells when it ended and nobody had asked for it', async () => {
    const agent = await supervise();
    process.kill(groups.at(-1)?.child.pid ?? 0, 'SIGKILL');
    expect(await agent.ended).toBe('SIGKILL');
    expect(agent.isRunning()).toBe(false);
  });
});

test('a shut gate cuts what goes through it and refuses what comes, and an open one carries bytes as they are', async () => {
  const resets: Error[] = [];
  const echo = createServer((socket) => socket.on('error', (error) => resets.push(error)).pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const gate = await startGate(`http://127.0.0.1:${(echo.address() as AddressInfo).port}`);
  const dial = () => connect(Number(new URL(gate.url).port), '127.0.0.1');
  const before = dial();
  before.write('as it is');
  expect(String((await once(before, 'data'))[0])).toBe('as it is');
  const cut = once(before, 'error');
  gate.shut();
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
  const refused = dial();
  expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  gate.open();
  const after = dial();
  after.write('again');
  expect(String((await once(after, 'data'))[0])).toBe('again');
  const closed = once(after, 'error');
  await gate.stop();
  await closed;
  await once(echo.close(), 'close');
  expect(resets).toHaveLength(2);
});

test('a line of the agent is read whatever the file is called, and what is no line is told apart', () => {
  const json = {
    time: '2026-01-02T03:04:05Z',
    level: 'INFO',
    message: 'uploaded',
    key: 'a bytes=9 b',
    bytes: 3,
  };
  const line = parseAgentLine(JSON.stringify(json));
  expect(line).toEqual({ level: 'INFO', message: 'uploaded', key: 'a bytes=9 b', fields: { bytes: 3 } });
  expect(line && agentLineText(line)).toBe('INFO  uploaded a bytes=9 b bytes=3');
  expect(line && agentLineText({ ...line, message: 'skipped: is a fifo', fields: {} })).toBe(
    'INFO  skipped: is a fifo key=a bytes=9 b',
  );
  expect(parseAgentLine('Error: out of memory')).toBeUndefined();
  expect(parseAgentLine('{"time":1}')).toBeUndefined();
});
