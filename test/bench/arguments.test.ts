import { expect, test } from 'vitest';
import { parseArguments, UsageError } from './arguments.ts';

const KNOWN = ['small-sink', 'mid-sink', 'idle'];

test('without arguments every case runs three times', () => {
  expect(parseArguments([], KNOWN)).toEqual({ cases: KNOWN, runs: 3, quick: false, help: false });
});

test.each(['--help', '-h'])('%s asks for the usage', (option) => {
  expect(parseArguments([option], KNOWN).help).toBe(true);
});

test('the cases asked for run in the order of the bench', () => {
  const args = ['--only', 'idle, small-sink', '--runs', '5', '--json', 'out.json', '--quick'];
  expect(parseArguments(args, KNOWN)).toEqual({
    cases: ['small-sink', 'idle'],
    runs: 5,
    quick: true,
    help: false,
    json: 'out.json',
  });
});

test.each([
  [
    ['--only', 'small-snk'],
    'small-snk is no case: did you mean small-sink? There are small-sink, mid-sink, idle',
  ],
  [['--only', 'everything'], 'everything is no case. There are small-sink, mid-sink, idle'],
  [['--runs', '0'], '--runs: found 0, expected 1 to 99'],
  [['--runs', 'many'], '--runs: found many, expected 1 to 99'],
  [['--fast'], "Unknown option '--fast'"],
  [['small-sink'], "Unexpected argument 'small-sink'"],
])('%j is refused with what is wrong about it', (args, message) => {
  expect(() => parseArguments(args, KNOWN)).toThrow(UsageError);
  expect(() => parseArguments(args, KNOWN)).toThrow(message);
});
