/** The tour believes only bytes. */
import { expect, it } from 'vitest';
import { findingOf, findingsText } from '../../../infra/local/demo/comparison.ts';

const file = (sha256: string, sizeBytes = 1) => ({ sha256, sizeBytes });

it('finds what is missing, different or surplus, and nothing else', () => {
  const expected = new Map([
    ['same', file('a')],
    ['missing', file('b')],
    ['longer', file('c')],
    ['other', file('d')],
  ]);
  const held = new Map([
    ['same', file('a')],
    ['longer', file('c', 2)],
    ['other', file('e')],
    ['surplus', file('f')],
  ]);
  const finding = findingOf('hub', held, expected);
  expect(finding.differences).toEqual([
    'other bytes: longer',
    'missing: missing',
    'other bytes: other',
    'nobody put it there: surplus',
  ]);
  expect(findingOf('hub', expected, expected).differences).toEqual([]);
  expect(findingsText([finding])).toContain('hub    4      5      4 DIFFERENCES');
  expect(findingsText([finding])).toContain('hub: other bytes: other');
});

it('shows no name that could paint the terminal', () => {
  const finding = findingOf('hub', new Map([['\u001b[31mred', file('a')]]), new Map());
  expect(findingsText([finding])).not.toContain('\u001b');
});
