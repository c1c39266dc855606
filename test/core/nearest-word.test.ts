import { expect, it } from 'vitest';
import { nearestWord } from '#core/nearest-word.ts';

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
