/** The `receive` mode: the real agent on real files, against a real S3 server. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { objectKey } from '#core/key.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { agentUnderTest, storeCredentials } from './agent-process.ts';

const RECEIVE_ONCE = join(import.meta.dirname, 'receive-once.ts');

const KILLS = Number(process.env.SLUICE_TEST_KILLS ?? 10);
/** Whatever changes the disk, and what is said to the store in between. */
const KILLED_AT = ['renameat2', 'fsync', 'mkdir', 'pwrite64', 'write', 'fchmod'];

async function receiving(wrapper: string[] = [], environment: Record<string, string> = {}) {
  const agent = await agentUnderTest({ wrapper, environment });
  const { store, folder, config } = agent;
  const settings = {
    store: { bucket: store.bucket, endpoint: agent.endpoint },
    stateDirectory: join(folder, '../state'),
    folders: [{ name: 'inbox', path: folder, prefix: 'input/', mode: 'receive', interval: '200ms' }],
    limits: { minFreeBytes: 0 },
    log: { level: 'DEBUG' },
  };
  writeFileSync(config, stringify(settings));
  return {
    ...agent,
    put: (name: string, content: string | Buffer) =>
      store.put(objectKey(`input/${name}`), Buffer.from(content), { metadata: {} }),
    keys: async () =>
      (await Array.fromAsync(store.list('input/'))).map(({ key }) => key.slice('input/'.length)),
    /** One pass in a process of its own, with what strace does to it; answers how it ended. */
    async once(tampering: string[]): Promise<number | string> {
      const { accessKeyId, secretAccessKey } = storeCredentials();
      const child = spawn(
        'strace',
        [
          ...['-f', '-o', '/dev/null', ...(tampering.length === 0 ? ['-e', 'trace=none'] : tampering)],
          ...[process.execPath, RECEIVE_ONCE, agent.endpoint, store.bucket, join(folder, '..')],
          ...[accessKeyId, secretAccessKey],
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const [code, signal] = await once(child, 'close');
      return code ?? signal;
    },
    read: (name: string) => readFileSync(join(folder, name), 'utf8'),
    tree: () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
        (name) => !name.startsWith('.sluice'),
      ),
  };
}

it('downloads what appears below the prefix, keeps its directories, and removes it from the bucket', async () => {
  const { put, keys, read, tree, start } = await receiving();
  await put('a/b/first.txt', 'first');
  const agent = start('run');
  await agent.says('removed from bucket input/a/b/first.txt');
  await put('second.txt', 'second');
  await agent.says('removed from bucket input/second.txt');
  expect(read('a/b/first.txt')).toBe('first');
  expect(read('second.txt')).toBe('second');
  expect(await keys()).toEqual([]);
  expect(agent.output()).toMatch(/INFO +downloaded input\/a\/b\/first\.txt/);
  expect(tree().sort()).toEqual(['a', 'a/b', 'a/b/first.txt', 'second.txt']);
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
});

it('removes the object only when bytes, new directories, name and index are on the disk', async () => {
  const trace = join(temporaryFolder(), 'trace');
  const calls = 'fsync,fdatasync,renameat2,write,writev,sendto,sendmsg';
  const { put, read, folder, start } = await receiving([
    ...['strace', '-f', '-y', '-s', '200', '--seccomp-bpf'],
    ...['-e', `trace=${calls}`, '-o', trace],
  ]);
  await put('new/deep/f', 'content');
  expect(await start('once').exit).toBe(0);
  expect(read('new/deep/f')).toBe('content');
  const steps = stepsOf(readFileSync(trace, 'utf8'), folder);
  expect(steps.slice(steps.indexOf('fsync of the temporary file'))).toEqual([
    'fsync of the temporary file',
    'fsync of .',
    'fsync of new',
    'rename',
    'fsync of new/deep',
    'fsync of the index',
    'DELETE',
  ]);
});

it.each([
  ['the file', '.sluice/incoming', 'EIO: i/o error, fsync'],
  ['its directory', 'd', 'EIO: i/o error, fsync'],
])('downloads again, into another file, when the disk refuses to keep %s', async (_what, place, message) => {
  const name = createHash('sha256').update('input/d/f').digest('hex').slice(0, 24);
  const file = (folder: string) => join(folder, place, place === 'd' ? '' : `${name}-0`);
  const trace = join(temporaryFolder(), 'trace');
  const wrapper = [
    'strace',
    '-f',
    '-o',
    trace,
    '-e',
    'trace=fsync',
    '-e',
    'inject=fsync:error=EIO:when=1',
    '-P',
  ];
  const { put, keys, read, tree, folder, start } = await receiving(wrapper, {
    // strace counts for each thread.
    UV_THREADPOOL_SIZE: '1',
  });
  wrapper.push(file(folder).replace(/\/$/, ''));
  await put('d/f', 'content');
  const agent = start('once');
  expect(await agent.exit, agent.output()).toBe(0);
  expect(readFileSync(trace, 'utf8')).toContain('(INJECTED)');
  expect(agent.output()).toContain(message);
  expect(agent.output().match(/downloaded input\/d\/f/g)).toHaveLength(1);
  expect(read('d/f')).toBe('content');
  expect(tree().sort()).toEqual(['d', 'd/f']);
  expect(await keys()).toEqual([]);
});

it('loses nothing, and shows nothing that is not whole, wherever it is killed', async () => {
  const { put, folder, tree, read, keys, once } = await receiving();
  const contents = new Map<string, string>();
  let killed = 0;
  for (let round = 1; round <= KILLS; round++) {
    for (const [name, content] of newFiles(round)) {
      contents.set(name, content);
      await put(name, content);
    }
    const [call, when] = [KILLED_AT[round % KILLED_AT.length] ?? '', 1 + (round % 9)];
    if ((await once(['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${when}`])) === 'SIGKILL')
      killed++;
    const left = new Set(await keys());
    const here = new Set(tree());
    for (const [name, content] of contents) {
      if (here.has(name)) expect(read(name) === content, `${name} is whole`).toBe(true);
      else expect(left, `${name} is in the bucket`).toContain(name);
    }
  }
  expect(killed).toBeGreaterThan(KILLS / 2);
  expect(await once([])).toBe(0);
  expect(await keys()).toEqual([]);
  expect(
    tree()
      .filter((name) => /f\d+-\d+$/.test(name))
      .sort(),
  ).toEqual([...contents.keys()].sort());
  for (const [name, content] of contents) expect(read(name) === content, name).toBe(true);
  expect(readdirSync(join(folder, '.sluice/incoming'))).toEqual([]);
}, 900_000);

function* newFiles(round: number): Generator<[string, string]> {
  for (let n = 0; n < 6; n++) {
    const name = `d${round}/e${n % 2}/f${round}-${n}`;
    yield [name, `${name} `.repeat(n === 0 ? 50_000 : 10)];
  }
}

/** The steps that make a received file safe, in the order in which they ended. */
function stepsOf(trace: string, folder: string): string[] {
  const steps: string[] = [];
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const synced = /^f(?:data)?sync\(\d+<(.+?)>/.exec(call)?.[1];
    if (synced !== undefined) begun.set(thread, synced);
    const ended = /^(?:f(?:data)?sync\(\d+<.+>\)|<\.\.\. f(?:data)?sync resumed>\)) += 0$/.test(call);
    const path = begun.get(thread) ?? '';
    if (ended && path.startsWith(folder)) steps.push(`fsync of ${relativeName(folder, path)}`);
    if (ended && path.endsWith('/index.db-wal')) steps.push('fsync of the index');
    if (call.startsWith('renameat2(') && call.includes('/f"')) steps.push('rename');
    if (/"DELETE \S+\/input\/new\/deep\/f /.test(call)) steps.push('DELETE');
  }
  return steps.slice(0, steps.indexOf('DELETE') + 1);
}

function relativeName(folder: string, path: string): string {
  const name = relative(folder, path);
  return name.startsWith('.sluice/incoming/') ? 'the temporary file' : name || '.';
}
