import { expect, it } from 'vitest';
import { openMetrics, prefersOpenMetrics } from '../../edge-agent/openmetrics.ts';

it.each([
  [undefined, false],
  ['*/*', false],
  ['text/plain', false],
  ['application/openmetrics-text', true],
  ['application/openmetrics-text;version=1.0.0;q=0.5, text/plain;version=0.0.4;q=0.3, */*;q=0.1', true],
  ['text/plain;q=0.5,Application/OpenMetrics-Text; version=0.0.1; Q=0.75', true],
  ['application/openmetrics-text;q=0.5,text/plain', false],
  ['application/openmetrics-text;q=0', false],
  ['application/openmetrics-text;q=high', false],
])('takes Accept: %s for a wish for OpenMetrics: %s', (accept, wished) => {
  expect(prefersOpenMetrics(accept)).toBe(wished);
});

it('renames counters only where they are declared, and bounds only where they are bounds', () => {
  const text = [
    '# HELP a_total Of a_total.',
    '# TYPE a_total counter',
    'a_total{folder="le=\\"1\\" # TYPE b_total"} 1',
    '',
    '# HELP b Seconds.',
    '# TYPE b histogram',
    'b_bucket{le="1",folder="x"} 1',
    'b_bucket{le="2.5",folder="x_bucket{le=\\"3\\""} 1',
    'b_bucket{le="+Inf",folder="x"} 1',
    '',
  ].join('\n');
  expect(openMetrics(text).split('\n')).toEqual([
    '# HELP a Of a_total.',
    '# TYPE a counter',
    'a_total{folder="le=\\"1\\" # TYPE b_total"} 1',
    '# HELP b Seconds.',
    '# TYPE b histogram',
    'b_bucket{le="1.0",folder="x"} 1',
    'b_bucket{le="2.5",folder="x_bucket{le=\\"3\\""} 1',
    'b_bucket{le="+Inf",folder="x"} 1',
    '# EOF',
    '',
  ]);
});
