import { expect, it } from 'vitest';
import { nearestWord, unknownWord } from '#core/nearest-word.ts';

const COMMANDS = ['status', 'redrive', 'reconcile', 'retention', 'resume', 'pause'];

it.each([
  ['stauts', 'status'],
  ['redriv', 'redrive'],
  ['RECONCILE', 'reconcile'],
  ['paus', 'pause'],
])('takes %s for %s', (typed, meant) => {
  expect(nearestWord(typed, COMMANDS)).toBe(meant);
});

it('knows when nothing is near', () => {
  expect(nearestWord('deploy', COMMANDS)).toBeUndefined();
  expect(nearestWord('status', [])).toBeUndefined();
});

it.each([
  [['pause', 'resume'], 'x is no command: there are pause, resume'],
  [['pause'], 'x is no command: there is pause'],
  [[], 'x is no command: there are none'],
])('says what there is: %j', (known, said) => {
  expect(unknownWord('command', 'x', known)).toBe(said);
});
