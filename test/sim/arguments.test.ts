import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WrongUsage } from '../setup/usage.ts';
import { parseArguments, USAGE } from './arguments.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the command line of the simulation', () => {
  it('has a default for everything', () => {
    expect(parseArguments([])).toEqual({
      seeds: 10_000,
      seed: 1,
      workers: undefined,
      trace: false,
      json: false,
      help: false,
    });
  });

  it('takes seed 0, for every seed has a history', () => {
    expect(parseArguments(['--seed', '0', '--trace'])).toMatchObject({ seed: 0, trace: true });
  });

  it.each([
    [['--seeds', '0'], '--seeds: found 0, expected a whole number from 1'],
    [['--seeds', ''], '--seeds: found , expected a whole number from 1'],
    [['--workers', '0'], '--workers: found 0, expected a whole number from 1'],
    [['--seed', '1e3'], '--seed: found 1e3, expected a whole number from 0'],
    [['--sedes', '1'], "Unknown option '--sedes'"],
    [['more'], "Unexpected argument 'more'"],
  ])('refuses %j and says why', (args, why) => {
    expect(() => parseArguments(args)).toThrow(WrongUsage);
    expect(() => parseArguments(args)).toThrow(why);
  });

  it('prints its usage when asked, and ends well', () => {
    expect(run('--help')).toEqual({ status: 0, stdout: USAGE, stderr: '' });
  });

  it('prints what is wrong with it, then its usage, and ends with 2', () => {
    expect(run('--seeds', 'many')).toEqual({
      status: 2,
      stdout: '',
      stderr: `sim: --seeds: found many, expected a whole number from 1\n${USAGE}`,
    });
  });
});
