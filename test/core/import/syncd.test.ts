import fc from 'fast-check';
import { expect, it } from 'vitest';
import { importSyncd } from '#core/import/syncd.ts';
import { accepted, acceptedOrExplained } from './imported.ts';

const minimal = 'aws_access_key=AKID\naws_secret_key=s3cr=t\nlocal_dir=/srv/docs\nbucket_name=b\n';

it('reads the documented example, and keeps its keys apart', () => {
  const imported = importSyncd(
    `aws_access_key=AKIAIOSFODNN7EXAMPLE
aws_secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
local_dir=/path/to/local/directory
bucket_name=your-s3-bucket
prefix=optional/path/prefix/
sync_interval=5m
sync_marker_file=.sync_complete
`,
    '/etc/sluice/credentials',
  );
  if ('problems' in imported) throw new Error('not imported');
  const { keys, ...rest } = imported;
  expect(keys).toEqual({
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  });
  expect(JSON.stringify(rest)).not.toMatch(/AKIA|wJalr/);
  const settings = accepted(imported);
  expect(settings.store).toMatchObject({
    bucket: 'your-s3-bucket',
    credentials: { file: '/etc/sluice/credentials' },
  });
  expect(settings.folders).toMatchObject([
    {
      path: '/path/to/local/directory',
      prefix: 'optional/path/prefix/',
      mode: 'append',
      schedule: { every: 300_000 },
      compare: 'presence',
      marker: '.sync_complete',
      ignoreTemporary: false,
    },
  ]);
});

it('takes the old defaults for what is not set, and says how the keys are carried over', () => {
  const imported = importSyncd(minimal);
  expect(accepted(imported).folders).toMatchObject([{ prefix: '', schedule: 'once', marker: 'syncd.txt' }]);
  expect(imported).toMatchObject({
    keys: { secretAccessKey: 's3cr=t' },
    notes: [
      expect.stringContaining('us-east-1'),
      expect.stringContaining('syncd.txt'),
      expect.stringContaining('--credentials FILE'),
    ],
  });
});

it.each([
  ['0', 'once'],
  ['0s', 'once'],
  ['30s', { every: 30_000 }],
  ['1h30m', { every: 5_400_000 }],
  ['1.5h', { every: 5_400_000 }],
  ['720h', { every: 2_592_000_000 }],
  ['2500ms', { every: 2500 }],
])('reads the interval %s as Go does', (interval, schedule) => {
  expect(accepted(importSyncd(`${minimal}sync_interval=${interval}\n`)).folders[0]?.schedule).toEqual(
    schedule,
  );
});

it.each(['5', '5d', '-5m', 'm', '1ms', '', '1h 5m', '9999999h'])('refuses the interval %j', (interval) => {
  expect(importSyncd(`${minimal}sync_interval=${interval}\n`)).toMatchObject({
    problems: [{ path: 'sync_interval', expected: expect.stringContaining('a duration') }],
  });
});

it('names every bad value at once, and never a secret', () => {
  const imported = importSyncd(
    'aws_access_key=\nlocal_dir=docs\nsync_marker_file=a/b\naws_secret_key:hunter2\n',
  );
  expect('problems' in imported && imported.problems).toMatchObject([
    { path: 'line 4', expected: 'KEY=value' },
    { path: 'aws_access_key', found: '""' },
    { path: 'aws_secret_key', found: 'nothing' },
    { path: 'local_dir', found: '"docs"' },
    { path: 'bucket_name', found: 'nothing' },
    { path: 'sync_marker_file', found: '"a/b"', expected: 'a file name' },
  ]);
  expect(JSON.stringify(imported)).not.toContain('hunter2');
});

it('answers for any file with settings that the agent reads, or with what is wrong', () => {
  const wild = fc.string({ unit: 'grapheme' });
  const line = fc
    .tuple(
      fc.constantFrom('local_dir', 'bucket_name', 'prefix', 'sync_interval', 'sync_marker_file', '[x]', '#'),
      wild,
    )
    .map(([key, value]) => `${key}=${value}`);
  const interval = fc
    .tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constantFrom('ns', 'ms', 's', 'm', 'h'))
    .map(([amount, unit]) => `sync_interval=${amount}${unit}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(line, interval), { maxLength: 4 }), fc.boolean(), (lines, whole) => {
      const some = new Set(lines.map((one) => one.split('=')[0]));
      const base = minimal.split('\n').filter((one) => !some.has(one.split('=')[0]));
      return acceptedOrExplained(importSyncd([...(whole ? base : []), ...lines].join('\n')));
    }),
    { numRuns: 300 },
  );
});
