import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { agentSettings } from '#core/settings/agent.ts';
import { formatProblems, parseSettings } from '#core/settings/problems.ts';

const place = (bucket: string, more = '') => `{ bucket: ${bucket}, endpoint: 'http://minio:9000'${more} }`;
const bucket = (name: string, source: string, destinations: string[], more = '') =>
  `{ name: ${name}, source: ${place(source)}, destinations: [${destinations.join(', ')}]${more} }`;
const to = (name: string, target: string, more = '') =>
  `{ name: ${name}, bucket: ${target}, endpoint: 'http://minio:9000/'${more} }`;

function read(...buckets: string[]) {
  return parseSettings(agentSettings, parse(`buckets: [${buckets.join(', ')}]`));
}

function problems(...buckets: string[]): string {
  const result = read(...buckets);
  return 'problems' in result ? formatProblems('agent.yaml', result.problems) : 'none';
}

it('needs neither folders nor the store of folders', () => {
  const result = read(bucket('relics', 'source', [to('backup', 'target')]));
  expect(result).toMatchObject({
    settings: {
      folders: [],
      buckets: [
        {
          prefix: '',
          interval: 1_800_000,
          notifications: 'auto',
          enabled: true,
          concurrency: 8,
          retry: { attempts: 3, delay: 60_000 },
          destinations: [{ deletes: true, createBucket: false, tags: 'auto', guard: { share: 0.5 } }],
        },
      ],
    },
  });
});

it('needs folders or buckets, and a store with folders', () => {
  const result = parseSettings(agentSettings, {});
  expect(result).toMatchObject({
    problems: [{ path: 'folders', expected: 'at least one folder, or buckets' }],
  });
  const storeless = parseSettings(agentSettings, { folders: [{ name: 'a', path: '/a', prefix: 'a/' }] });
  expect(storeless).toMatchObject({ problems: [{ path: 'store' }] });
});

it.each([
  ['no destination', [bucket('a', 'source', [])], 'buckets[0].destinations: found []'],
  ['its own source', [bucket('a', 'source', [to('b', 'source')])], 'it would be mirrored into itself'],
  [
    'a way back to its source, also through others',
    [
      bucket('a', 'one-1', [to('x', 'two-2')]),
      bucket('b', 'two-2', [to('x', 'three-3')]),
      bucket('c', 'three-3', [to('x', 'one-1', ', prefix: back/')]),
    ],
    'brings its objects to the source again',
  ],
  [
    'the place of another destination',
    [bucket('a', 'one-1', [to('x', 'target')]), bucket('b', 'two-2', [to('x', 'target', ', prefix: p/')])],
    'each would delete what the other copies',
  ],
  ['two names alike', [bucket('a', 'one-1', [to('x', 'two-2'), to('x', 'three-3')])], 'a name that no other'],
  [
    'a misspelt key',
    [bucket('a', 'one-1', [to('x', 'two-2')], ', intervall: 5m')],
    'interval (did you mean that?)',
  ],
  ['an interval of days', [bucket('a', 'one-1', [to('x', 'two-2')], ', interval: 2d')], 'at most 24h'],
  [
    'a webhook without a token',
    [bucket('a', 'one-1', [to('x', 'two-2')], ", notifications: { webhook: ':9555' }")],
    'auto, off, or webhook',
  ],
])('refuses %s', (_, buckets, expected) => {
  expect(problems(...buckets)).toContain(expected);
});

it('takes a chain of buckets, and destinations side by side in one bucket', () => {
  expect(
    problems(
      bucket('a', 'one-1', [to('x', 'two-2', ', prefix: p/'), to('y', 'two-2', ', prefix: q/')]),
      bucket('b', 'two-2', [to('x', 'three-3')]),
    ),
  ).toBe('none');
});

it('refuses a destination among the keys of a folder', () => {
  const settings = parse(`
store: { bucket: hub-1, endpoint: 'http://minio:9000' }
folders: [{ name: docs, path: /docs, prefix: docs/ }]
buckets: [${bucket('a', 'one-1', [to('x', 'hub-1')])}]`);
  const result = parseSettings(agentSettings, settings);
  expect('problems' in result && formatProblems('agent.yaml', result.problems)).toContain('of folder docs');
});
