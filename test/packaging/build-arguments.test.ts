import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parseArguments, USAGE } from '../../edge-agent/packaging/arguments.ts';

const run = promisify(execFile);
const BUILD = join(import.meta.dirname, '../../edge-agent/packaging/build.ts');
const build = (...args: string[]) => run(process.execPath, [BUILD, ...args]);

it('builds for this machine into dist, or for the hosts and the place that are named', () => {
  expect(parseArguments([], '/p')).toEqual({ architectures: [process.arch], out: '/p/dist', help: false });
  expect(parseArguments(['--arch', 'x64', '--arch=arm64', '--out', 'o'], '/p')).toMatchObject({
    architectures: ['x64', 'arm64'],
    out: 'o',
  });
});

it('tells its usage when asked', async () => {
  await expect(build('--help')).resolves.toEqual({ stdout: USAGE, stderr: '' });
});

it.each([
  [['--arch'], "build: Option '--arch <value>' argument missing"],
  [['arm64'], "build: Unexpected argument 'arm64'. This command does not take positional arguments"],
  [['--arch', 'x86'], 'build: --arch: found x86, expected x64 or arm64'],
])('ends with 2, what is wrong and the usage: %j', async (args, said) => {
  await expect(build(...args)).rejects.toMatchObject({ code: 2, stdout: '', stderr: `${said}\n${USAGE}` });
});
