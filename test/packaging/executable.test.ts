import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { objectKey } from '#core/key.ts';
import { contentOf } from '../contracts/object-store.ts';
import { agentUnderTest, agentYaml } from '../edge-agent/agent-process.ts';
import { builtAgent } from '../setup/built-agent.ts';

const run = promisify(execFile);
const projectDir = join(import.meta.dirname, '../..');
const NAME = `sluice-agent-linux-${process.arch}`;
const { version: VERSION } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'));
const SBOM = `sluice-agent-${VERSION}.cdx.json`;

let outDir: string;
let executable: string;

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-packaging-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

beforeAll(async () => {
  mkdirSync(join(projectDir, 'dist'), { recursive: true });
  outDir = mkdtempSync(join(projectDir, 'dist/test-'));
  executable = await builtAgent(outDir);
});
afterAll(() => rmSync(outDir, { recursive: true }));

it('tells the version of package.json and the usage, from any directory and with an empty environment', async () => {
  const { version } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as {
    version: string;
  };
  const bare = { cwd: emptyDirectory(), env: {} };
  expect((await run(executable, ['--version'], bare)).stdout.trim()).toBe(version);
  const help = await run(executable, ['--help'], bare);
  expect(help.stdout).toMatch(/^usage: /);
  expect(help.stderr).toBe('');
});

it('is one file with its SHA-256 beside it, and the same bytes each time it is built', {
  timeout: 300_000,
}, async () => {
  expect(readdirSync(outDir).sort()).toEqual([SBOM, `${SBOM}.sha256`, NAME, `${NAME}.sha256`]);
  expect(statSync(executable).mode & 0o777).toBe(0o755);
  const digest = createHash('sha256').update(readFileSync(executable)).digest('hex');
  const checksum = readFileSync(`${executable}.sha256`, 'utf8');
  expect(checksum).toBe(`${digest}  ${NAME}\n`);
  const again = await builtAgent(emptyDirectory());
  expect(readFileSync(`${again}.sha256`, 'utf8')).toBe(checksum);
  expect(readFileSync(join(dirname(again), `${SBOM}.sha256`), 'utf8')).toBe(
    readFileSync(join(outDir, `${SBOM}.sha256`), 'utf8'),
  );
});

it('comes with a list of everything it is made of: each production dependency, and Node', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(projectDir, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  const { bomFormat, components } = JSON.parse(readFileSync(join(outDir, SBOM), 'utf8')) as {
    bomFormat: string;
    components: { name: string; version: string; group?: string }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  const listed = components.map(({ name, version }) => `${name}@${version}`);
  for (const [name, version] of Object.entries({ ...dependencies, node: devDependencies?.node })) {
    expect(listed).toContain(`${name}@${version}`);
  }
  expect(listed.some((one) => one.startsWith('vitest@'))).toBe(false);
});

it('moves what is there with `once`, scanning in its own worker', async () => {
  const { folder, store, start } = await agentUnderTest({ program: [executable] });
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a/one.txt'), 'one');
  writeFileSync(join(folder, 'two.txt'), 'two');
  const agent = start('once');
  expect(await agent.exit, agent.output()).toBe(0);
  expect(await contentOf(store, objectKey('output/a/one.txt'))).toBe('one');
  expect(await contentOf(store, objectKey('output/two.txt'))).toBe('two');
  expect(readdirSync(folder)).toEqual(['.sluice']);
  expect(agent.output()).not.toContain('Warning');
});

it('does not end without a word when its output has no room', async () => {
  const wrapper = ['sh', '-c', 'exec "$0" "$@" > /dev/full'];
  const { folder, start } = await agentUnderTest({ program: [executable], wrapper });
  writeFileSync(join(folder, 'one.txt'), 'one');
  const agent = start('once');
  expect(await agent.exit).not.toBe(0);
  expect(agent.output()).toContain('ENOSPC');
});

it('compares a large file with its object in another thread, when the index is lost', async () => {
  const { base, folder, start } = await agentUnderTest({
    program: [executable],
    config: (place) => agentYaml(place, { mode: 'append' }),
  });
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(20 * 1024 * 1024, 'sluice'));
  const first = start('once');
  expect(await first.exit, first.output()).toBe(0);
  expect(first.output()).toContain('uploaded output/large.bin');
  rmSync(join(base, 'state'), { recursive: true });
  const second = start('once');
  expect(await second.exit, second.output()).toBe(0);
  expect(second.output()).not.toContain('uploaded output/large.bin');
});

it('looks at a folder at intervals, in another thread', async () => {
  const { folder, store, start } = await agentUnderTest({
    program: [executable],
    config: (place) => agentYaml(place, { watch: 'polling' }, { rescan: '1s' }),
  });
  const agent = start('run');
  await agent.says('by=polling');
  writeFileSync(join(folder, 'polled.txt'), 'polled');
  await agent.says('removed output/polled.txt');
  expect(await contentOf(store, objectKey('output/polled.txt'))).toBe('polled');
});

it('carries every worker of the sources', () => {
  const bytes = readFileSync(executable);
  const workers = globSync('adapters/host/*-worker.ts', { cwd: projectDir });
  expect(workers).toContain('adapters/host/scan-worker.ts');
  for (const worker of workers) expect(bytes.includes(basename(worker).replace(/\.ts$/, '.js'))).toBe(true);
});

it('moves a file as its writer closes it with `run`, ends on SIGTERM, and leaves nothing in the temporary directory', async () => {
  const temporary = emptyDirectory();
  const { folder, store, start } = await agentUnderTest({
    program: [executable],
    environment: { TMPDIR: temporary },
  });
  const agent = start('run');
  await agent.says('watching');
  expect(readdirSync(temporary)).toEqual([]);
  writeFileSync(join(folder, 'now.txt'), 'now');
  await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual(['.sluice']);
  expect(await contentOf(store, objectKey('output/now.txt'))).toBe('now');
  agent.process.kill('SIGTERM');
  expect(await agent.exit).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

it('finds another place for its native library where the temporary directory cannot be used', async () => {
  const { stdout } = await run(executable, ['--help'], { env: { TMPDIR: '/proc' } });
  expect(stdout).toMatch(/^usage: /);
});

it("takes no code and no flags from a host's NODE_OPTIONS", async () => {
  const { stdout, stderr } = await run(executable, ['--help'], {
    env: { NODE_OPTIONS: '--require /nonexistent/other.js' },
  });
  expect(stdout).toMatch(/^usage: /);
  expect(stderr).toBe('');
});
