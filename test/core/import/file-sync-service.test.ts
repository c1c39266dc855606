import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { importFileSyncService } from '#core/import/file-sync-service.ts';
import { accepted, acceptedOrExplained } from './imported.ts';

const minimal = 'watch_path: /srv/up\ns3_bucket: b\ns3_region: us-east-1\n';

it('reads the documented example', () => {
  const settings = accepted(
    importFileSyncService(`# Directory to watch
watch_path: "/efs/src_cg_v2/uploads"
s3_bucket: "your-s3-bucket-name"
s3_region: "eu-west-1"
s3_prefix: "uploads"
retry_file: "retry_queue.json"
retry_interval_seconds: 300
cloudfront_enabled: true
cloudfront_distribution_id: "E1234567890ABC"
`),
  );
  expect(settings.store).toMatchObject({ bucket: 'your-s3-bucket-name', region: 'eu-west-1' });
  expect(settings.store.credentials).toBeUndefined();
  expect(settings.folders).toMatchObject([
    {
      path: '/efs/src_cg_v2/uploads',
      prefix: 'uploads/',
      mode: 'mirror',
      ignoreTemporary: true,
      deletes: true,
    },
  ]);
  expect(settings.rescan).toBe(300_000);
  expect(settings.cdn).toMatchObject({ distribution: 'E1234567890ABC' });
});

it('takes the old defaults for what is not set, null or empty', () => {
  const settings = accepted(importFileSyncService(`${minimal}s3_prefix:\nretry_interval_seconds: ~\n`));
  expect(settings.folders[0]?.prefix).toBe('');
  expect(settings.rescan).toBe(300_000);
  expect(settings.cdn).toBeUndefined();
});

it.each([
  ['uploads', 'uploads/', false],
  ['uploads/', 'uploads/', false],
  ['/uploads//', 'uploads/', true],
  ['a/b', 'a/b/', false],
  ['0123', '0123/', false],
  ['/', '', true],
  ['""', '', false],
])('ends the prefix %s with exactly one slash: %j', (old, prefix, noted) => {
  const imported = importFileSyncService(`${minimal}s3_prefix: ${old}\n`);
  expect(accepted(imported).folders[0]?.prefix).toBe(prefix);
  if ('problems' in imported) throw new Error('not imported');
  expect(imported.notes.some((note) => note.includes('s3_prefix'))).toBe(noted);
});

it('says what becomes of the retry file, of a distribution that was off, and of what it does not know', () => {
  const imported = importFileSyncService(
    `${minimal}retry_file: /var/q.json\ncloudfront_distribution_id: E1\nwatch_paht: /x\n`,
  );
  expect(imported).toMatchObject({
    notes: [
      expect.stringContaining('uploads that wait in /var/q.json need no import'),
      expect.stringContaining('deletes that wait in /var/q.json are not carried over'),
      expect.stringContaining('the distribution is not carried over'),
      'not a setting of file-sync-service, ignored: watch_paht',
    ],
  });
});

it('names every bad value at once, with what was found and what was expected', () => {
  const imported = importFileSyncService(
    'watch_path: uploads\ns3_region: [a]\nretry_interval_seconds: 5m\ncloudfront_enabled: true\n',
  );
  expect('problems' in imported && imported.problems).toMatchObject([
    { path: 'watch_path', found: '"uploads"', expected: expect.stringContaining('an absolute path') },
    { path: 's3_bucket', found: 'nothing', expected: 'the name of a bucket' },
    { path: 's3_region', found: '["a"]' },
    {
      path: 'retry_interval_seconds',
      found: '"5m"',
      expected: expect.stringContaining('a number of seconds'),
    },
  ]);
  expect(importFileSyncService(`${minimal}cloudfront_enabled: true\n`)).toMatchObject({
    problems: [
      { path: 'cloudfront_distribution_id', expected: expect.stringContaining('cloudfront_enabled is true') },
    ],
  });
  expect(importFileSyncService('a: [')).toMatchObject({
    problems: [{ found: expect.stringContaining('no YAML') }],
  });
  expect(importFileSyncService('- a')).toMatchObject({ problems: [{ found: 'something else' }] });
  expect(importFileSyncService('')).toHaveProperty('problems');
});

it('answers for any configuration with settings that the agent reads, or with what is wrong', () => {
  const wild = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null));
  const old = fc.record(
    {
      watch_path: fc.oneof(
        wild,
        fc.string().map((path) => `/${path}`),
      ),
      s3_bucket: wild,
      s3_region: wild,
      s3_prefix: wild,
      retry_file: wild,
      retry_interval_seconds: fc.oneof(wild, fc.double()),
      cloudfront_enabled: fc.oneof(fc.boolean(), wild),
      cloudfront_distribution_id: wild,
    },
    { requiredKeys: ['watch_path', 's3_bucket', 's3_region'] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        old.map((value) => stringify(value)),
        fc.string(),
      ),
      (text) => acceptedOrExplained(importFileSyncService(text)),
    ),
    { numRuns: 300 },
  );
});
