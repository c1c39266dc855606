import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importRelic } from '#core/import/relic.ts';
import { deployable, deployableOrExplained, yamlOf } from './deployed.ts';

const KEYS = 'S3_SYNC_ACCESS_KEY=AKIAIOSFODNN7EXAMPLE\nS3_SYNC_SECRET_KEY=wJalrXUtnFEMI/K7MDENG\n';
const minimal = `${KEYS}S3_SYNC_BUCKET=my-relic-backups\n`;
const complete = `S3_SYNC_ENABLED=true
S3_SYNC_ENDPOINT=s3.us-west-000.backblazeb2.com
${minimal}S3_SYNC_REGION=us-west-000
S3_SYNC_INTERVAL=900
S3_SYNC_MAX_RETRIES=5
S3_SYNC_RETRY_DELAY=120
S3_SYNC_TIMEZONE=Europe/Berlin
MINIO_ENDPOINT=https://minio.example.com:9000
MINIO_ACCESS_KEY=source-key
MINIO_SECRET_KEY=source-secret
MINIO_BUCKET=relics
`;

it('writes this YAML for a complete environment', () => {
  expect(yamlOf(importRelic(complete, 'relic'))).toBe(`# yaml-language-server: $schema=docs/sluice.schema.json
# Imported.

name: relic
# MINIO_BUCKET and MINIO_ENDPOINT.
hub:
  bucket: relics
  type: minio
  endpoint: https://minio.example.com:9000
  # Names of secrets; the keys are not in this file.
  credentials: relic/hub
destinations:
  - name: backup
    # S3_SYNC_BUCKET, S3_SYNC_ENDPOINT and S3_SYNC_REGION.
    bucket: my-relic-backups
    type: b2
    region: us-west-000
    endpoint: https://s3.us-west-000.backblazeb2.com
    # As mc mirror --remove did; many at once wait for approval (guard).
    deletes: true
    createBucket: true
    # S3_SYNC_ENABLED.
    enabled: true
    # S3_SYNC_INTERVAL: how often both are compared.
    reconcile: 15m
    credentials: relic/backup
# Takes the webhook of MinIO: changes are copied within seconds.
ingest:
  token: relic/ingest
# S3_SYNC_TIMEZONE.
timezone: Europe/Berlin
`);
});

it('is read by the deployment as it was meant', () => {
  expect(deployable(importRelic(complete, 'relic'))).toMatchObject({
    hub: { bucket: 'relics', endpoint: 'https://minio.example.com:9000', credentials: 'relic/hub' },
    destinations: [{ enabled: true, deletes: true, createBucket: true, reconcile: 900_000 }],
    timezone: 'Europe/Berlin',
  });
});

it('keeps every key apart from what is printed, and says which secrets they become', () => {
  const imported = importRelic(complete, 'relic');
  if ('problems' in imported) throw new Error('not imported');
  const { secrets, ...printed } = imported;
  expect(JSON.stringify(printed)).not.toMatch(/AKIA|wJalr|source-key|source-secret/);
  expect(secrets).toMatchObject([
    { name: 'relic/hub', fields: { accessKeyId: 'source-key', secretAccessKey: 'source-secret' } },
    { name: 'relic/backup', fields: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' } },
    { name: 'relic/ingest', fields: { token: undefined } },
  ]);
  expect(imported.notes).toEqual(
    expect.arrayContaining([
      expect.stringContaining('relic/hub (keys of the source) must hold JSON with accessKeyId'),
      expect.stringContaining('5 tries, 120 s'),
    ]),
  );
});

it('takes the old defaults for what is not set: not enabled, AWS, every half hour', () => {
  const imported = importRelic(minimal, 'relic');
  expect(deployable(imported)).toMatchObject({
    hub: { bucket: 'relics', endpoint: 'http://minio:9000' },
    timezone: 'UTC',
    destinations: [
      {
        type: 'aws',
        region: 'us-east-1',
        endpoint: 'https://s3.us-east-1.amazonaws.com',
        enabled: false,
        reconcile: 1_800_000,
      },
    ],
  });
  expect('notes' in imported && imported.notes).toEqual(
    expect.arrayContaining([
      expect.stringContaining('not true'),
      expect.stringMatching(/http:\/\/minio:9000 is of a private network/),
    ]),
  );
});

describe('the destination', () => {
  it.each([
    ['s3.amazonaws.com', 'eu-west-1', 'aws', 'https://s3.eu-west-1.amazonaws.com'],
    ['https://s3.amazonaws.com/', 'us-east-1', 'aws', 'https://s3.us-east-1.amazonaws.com'],
    ['s3.eu-west-1.amazonaws.com', 'eu-west-1', 'aws', 'https://s3.eu-west-1.amazonaws.com'],
    ['s3.wasabisys.com', 'us-east-1', 'wasabi', 'https://s3.wasabisys.com'],
    ['nyc3.digitaloceanspaces.com', 'nyc3', 'spaces', 'https://nyc3.digitaloceanspaces.com'],
    ['abc.r2.cloudflarestorage.com', 'auto', 'r2', 'https://abc.r2.cloudflarestorage.com'],
    ['http://backup-minio:9000', 'us-east-1', 'minio', 'http://backup-minio:9000'],
    ['storage.example.com', 'us-east-1', 'other', 'https://storage.example.com'],
  ])('at %s in %s is of type %s', (endpoint, region, type, url) => {
    const text = `${minimal}S3_SYNC_ENDPOINT=${endpoint}\nS3_SYNC_REGION=${region}\n`;
    expect(deployable(importRelic(text, 'relic')).destinations).toMatchObject([
      { type, region, endpoint: url, credentials: 'relic/backup' },
    ]);
  });

  it('on AWS with a dot in its name is not reached by a host name that no certificate is for', () => {
    const text = `${KEYS}S3_SYNC_BUCKET=my.backups\n`;
    expect(deployable(importRelic(text, 'relic')).destinations).toMatchObject([{ addressing: 'path' }]);
  });
});

it('names every missing and wrong setting at once, and never a secret', () => {
  const imported = importRelic(
    'S3_SYNC_INTERVAL=often\nS3_SYNC_TIMEZONE=Mars/Base\nMINIO_BUCKET=No_Bucket\nS3_SYNC_ENABLED=perhaps\nhunter2\n',
    'relic',
  );
  expect('problems' in imported && imported.problems.map(({ path }) => path)).toEqual([
    'line 5',
    'MINIO_BUCKET',
    'S3_SYNC_ENABLED',
    'S3_SYNC_ACCESS_KEY',
    'S3_SYNC_SECRET_KEY',
    'S3_SYNC_BUCKET',
    'S3_SYNC_INTERVAL',
    'S3_SYNC_TIMEZONE',
  ]);
  expect(JSON.stringify(imported)).not.toContain('hunter2');
});

it('says which lines are no settings of the old service', () => {
  const imported = importRelic(`${minimal}S3_SYNC_BUKET=x\n`, 'relic');
  expect('notes' in imported && imported.notes.at(-1)).toBe('not a setting of relic, ignored: S3_SYNC_BUKET');
});

it('answers for any file with settings that deploy, or with what is wrong', () => {
  const line = fc
    .tuple(
      fc.constantFrom(
        'MINIO_ENDPOINT',
        'MINIO_BUCKET',
        'S3_SYNC_BUCKET',
        'S3_SYNC_ENDPOINT',
        'S3_SYNC_REGION',
        'S3_SYNC_INTERVAL',
        'S3_SYNC_TIMEZONE',
      ),
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.domain(),
        fc.webUrl(),
        fc.constantFrom('relics', 'my-relic-backups', 's3.amazonaws.com', '0.5', '86401', '1e9'),
      ),
    )
    .map(([key, value]) => `${key}=${value}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      const some = new Set(lines.map((one) => one.split('=')[0]));
      const base = minimal.split('\n').filter((one) => !some.has(one.split('=')[0]));
      return deployableOrExplained(importRelic([...base, ...lines].join('\n'), 'relic'));
    }),
    { numRuns: 300 },
  );
});
