import { expect, it } from 'vitest';
import { answerText } from '../../../infra/ops/answer-text.ts';

it('shows an answer row by row, what is nested by its path and times in the timezone', () => {
  const answer = {
    removed: 1234,
    startedMs: 0,
    error: undefined,
    capped: ['a', 'b\u001b['],
    last: { dryRun: true },
  };
  expect(answerText(answer, 'Asia/Kathmandu').split('\n')).toEqual([
    'removed      1,234',
    'started      1970-01-01 05:30:00+05:30',
    'capped.0     a',
    'capped.1     b\\u{1b}[',
    'last.dryRun  true',
  ]);
});

it('shows an empty answer as nothing', () => {
  expect(answerText({}, 'UTC')).toBe('nothing');
});
