import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const LIBC = join(import.meta.dirname, '../../../adapters/host/libc.ts');
/** `abort` stands for what a library has registered, and must not be reached. */
const begin = `
  const koffi = (await import('koffi')).default;
  const { skipExitHandlers } = await import(${JSON.stringify(LIBC)});
  const libc = koffi.load(null);
  libc.func('int on_exit(void *act, void *argument)')(libc.symbol('abort', 'void *'), null);
`;

function run(script: string) {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', begin + script],
    {
      encoding: 'utf8',
    },
  );
  return { end: status ?? signal, stderr };
}

test('libraries have no say in how a process ends, and what it tells is told', () => {
  expect(run('').end).toBe('SIGABRT');
  expect(run('skipExitHandlers(); process.exitCode = 7').end).toBe(7);
  const crashed = run("process.on('exit', skipExitHandlers); throw new Error('as it is')");
  expect(crashed).toMatchObject({ end: 1, stderr: expect.stringContaining('as it is') });
});
