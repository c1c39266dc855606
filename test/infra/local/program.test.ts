/** What somebody sees of `npm start` and `npm run demo` who types something else than was meant. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { portOf } from '../../../infra/local/program.ts';

function typed(program: string, ...args: string[]) {
  const file = join(import.meta.dirname, '../../../infra/local', program);
  // Where it should begin in spite of it, it must not find an endpoint to work on.
  const env = { PATH: process.env.PATH, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe.each([
  ['start.ts', 'npm start'],
  ['demo.ts', 'npm run demo'],
])('%s', (program, command) => {
  it('tells its usage when asked, with exit code 0', () => {
    const { status, stdout, stderr } = typed(program, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`usage: ${command} -- [`);
  });

  it.each([
    [['--port', 'x'], '--port x: expected 0 to 65535'],
    [['--prot', '1'], "Unknown option '--prot'"],
  ])('refuses %j with exit code 2, and tells its usage', (args, why) => {
    const { status, stdout, stderr } = typed(program, ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).toContain(`usage: ${command} -- [`);
  });
});

it('the tour refuses an endpoint that is not its own, with exit code 1 and what to do', () => {
  const { status, stderr } = typed('demo.ts', '--yes');
  expect(status).toBe(1);
  expect(stderr).toBe(
    'demo: the tour breaks its own emulator, not the endpoint of AWS_ENDPOINT_URL\nUnset AWS_ENDPOINT_URL.\n',
  );
});

it('a port is a whole number of 16 bits', () => {
  expect([portOf('0'), portOf('4566'), portOf('65535')]).toEqual([0, 4566, 65_535]);
  for (const wrong of ['', ' ', '-1', '65536', '1.5', 'x']) expect(() => portOf(wrong)).toThrow(TypeError);
});
