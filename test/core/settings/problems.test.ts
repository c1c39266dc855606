import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { z } from 'zod';
import { agentSettings } from '#core/settings/agent.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { formatProblems, parseSettings } from '#core/settings/problems.ts';
import { type JsonSchema, settingsSchema } from '#core/settings/reference.ts';

const FILES: [string, z.ZodType][] = [
  ['agent.yaml', agentSettings],
  ['sluice.yaml', deploymentSettings],
];
const WRONG = ['§', '', 'x'.repeat(300), '1d1ms', -1, 0.5, true, [], [7], {}, { nope: 7 }, { '': 7 }];

function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const result = parseSettings(schema, value);
  return 'problems' in result ? formatProblems('x', result.problems).split('\n') : [];
}

type Path = (string | number)[];

function pathsIn({ properties = {}, items, anyOf = [] }: JsonSchema, above: Path): Path[] {
  return [
    ...Object.entries(properties).flatMap(([name, one]) => [
      [...above, name],
      ...pathsIn(one, [...above, name]),
    ]),
    ...(items === undefined ? [] : [[...above, 0], ...pathsIn(items, [...above, 0])]),
    ...anyOf.flatMap((one) => pathsIn(one, above)),
  ];
}

function nested([first, ...below]: Path, value: unknown): unknown {
  if (first === undefined) return value;
  return typeof first === 'number' ? [nested(below, value)] : { [first]: nested(below, value) };
}

describe.each(FILES)('a wrong value in %s', (_file, schema) => {
  const paths = pathsIn(settingsSchema(schema, ''), []);

  it('is answered with what is expected, for every setting', () => {
    expect(paths.length).toBeGreaterThan(50);
    const unhelpful = paths
      .flatMap((path) => WRONG.flatMap((value) => problemsOf(schema, nested(path, value))))
      .filter((line) => /expected (?:Invalid|a valid regex|a value of type|undefined|$)/.test(line));
    expect(unhelpful).toEqual([]);
  });
});

it.each([
  [agentSettings, 'rescan: 2d', 'x: rescan: found "2d", expected a duration of at most 24h'],
  [
    agentSettings,
    'heartbeat: never',
    'x: heartbeat: found "never", expected off, or a duration such as 5m, at most 24h',
  ],
  [
    agentSettings,
    "status: {listen: '127.0.0.1:70000'}",
    'x: status.listen: found "127.0.0.1:70000", expected the path of a unix socket, or 127.0.0.1:PORT',
  ],
  [
    agentSettings,
    'store: {bucket: s3://hub}',
    'x: store.bucket: found "s3://hub", expected the name of a bucket alone, such as my-hub',
  ],
  [
    deploymentSettings,
    'hub: {noncurrentVersions: 12h}',
    'x: hub.noncurrentVersions: found "12h", expected whole days such as 30d, at least 1d, or off',
  ],
  [
    deploymentSettings,
    'report: {full: 61d}',
    'x: report.full: found "61d", expected at most 60d: the changes since are kept for 90',
  ],
  [
    deploymentSettings,
    'destinations: [{name: a, bucket: abc, tags: maybe}]',
    'x: destinations[0].tags: found "maybe", expected auto, true or false',
  ],
  [deploymentSettings, 'tags: {"": x}', 'x: tags.: found "", expected a name with at least 1 character'],
])('shows a wrong value as it was written (%#)', (schema, text, line) => {
  expect(problemsOf(schema, parse(text))).toContain(line);
});

describe('checks across settings', () => {
  it('run beside other problems in agent.yaml, over all that has none', () => {
    const text = `store: {bucket: hub, endpoint: 'http://minio:9000/hub'}
rescan: soon
folders:
  - {name: one, path: relative, prefix: a/}
  - {name: two, path: /two, prefix: b/, minBytes: 5, maxBytes: 2}
  - {name: three, path: /two/below, prefix: c/}
buckets:
  - 7
  - {name: two, source: {bucket: abc}, destinations: [{name: x, bucket: abc}]}`;
    expect(problemsOf(agentSettings, parse(text)).toSorted()).toEqual([
      'x: buckets[0]: found 7, expected settings below it',
      'x: buckets[1].destinations[0].bucket: found "abc", expected a bucket other than its source: it would be mirrored into itself',
      'x: buckets[1].name: found "two", expected a name that no folder has',
      'x: folders[0].path: found "relative", expected an absolute path',
      'x: folders[1].maxBytes: found 2, expected at least minBytes, which is 5',
      'x: folders[2].path: found "/two/below", expected a path that does not overlap with /two of folder two',
      'x: rescan: found "soon", expected a duration such as 30s, 5m, 1h or 30d',
      'x: store.endpoint: found "http://minio:9000/hub", expected the URL without the bucket; that is in the setting bucket',
    ]);
  });

  it('run beside other problems in sluice.yaml, over all that has none', () => {
    const text = `hub: {bucket: abc}
tracing: perhaps
destinations:
  - {name: A, bucket: abc}
  - {name: b, bucket: abc}
  - {name: b, bucket: abcd, endpoint: 'https://minio:9000/abcd', credentials: c}
agents:
  - 7
  - {name: one, folders: [{prefix: x/}, {prefix: x/}]}
retention: [{name: r, olderThan: 1d}]`;
    expect(problemsOf(deploymentSettings, parse(text)).toSorted()).toEqual([
      'x: agents[0]: found 7, expected settings below it',
      'x: agents[1].folders[1].prefix: found "x/", expected a prefix that does not overlap with "x/" (move) of agent one',
      'x: destinations[0].name: found "A", expected a name: up to 30 lower-case letters, digits and hyphens',
      'x: destinations[1].bucket: found "abc", expected a bucket other than the hub: it would be mirrored into itself',
      'x: destinations[2].endpoint: found "https://minio:9000/abcd", expected the URL without the bucket; that is in the setting bucket',
      'x: destinations[2].name: found "b", expected a name that no other destination has',
      'x: tracing: found "perhaps", expected true or false',
    ]);
  });

  it('miss the store also when something is wrong with the folders', () => {
    expect(problemsOf(agentSettings, { folders: [7] })).toContain(
      'x: store: found nothing, expected the store of the folders: at least its bucket',
    );
  });

  it.each([
    '{folders: null, buckets: null, store: null, hub: null, agents: null, destinations: null, retention: null}',
    '7',
    '[]',
    '{folders: 7, buckets: 7, store: 7, hub: 7, agents: 7, destinations: 7, retention: 7}',
  ])('withstand a file that is %s', (text) => {
    for (const [, schema] of FILES) expect(problemsOf(schema, parse(text)).length).toBeGreaterThan(0);
  });

  it('let an endpoint have a path that is not the bucket, as some stores have', () => {
    const store = { bucket: 'hub', endpoint: 'https://project.example/storage/v1/s3' };
    const folders = [{ name: 'a', path: '/a', prefix: 'a/' }];
    expect(problemsOf(agentSettings, { store, folders })).toEqual([]);
    expect(problemsOf(agentSettings, { store: { ...store, endpoint: 'http://hub' }, folders })).toEqual([]);
  });
});
