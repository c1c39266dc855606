import fc from 'fast-check';
import { expect, it } from 'vitest';
import { importS3SyncService } from '#core/import/s3-sync-service.ts';
import { deployable, deployableOrExplained, yamlOf } from './deployed.ts';

const minimal = `CUSTOMER_S3_ENDPOINT=https://s3.customer.example
CUSTOMER_S3_ACCESS_KEY=the-access-key
CUSTOMER_S3_SECRET_KEY=the-secret-key
CUSTOMER_S3_BUCKET=customer-bucket
FILE_MANAGER_API_URL=https://files.example.com
`;
/** As the old documentation has it. */
const documented = `CUSTOMER_S3_ENDPOINT=http://minio-customer:9000
CUSTOMER_S3_ACCESS_KEY=minioadmin
CUSTOMER_S3_SECRET_KEY=minioadmin
CUSTOMER_S3_BUCKET=customer-bucket
MOCK_API_URL=http://mock-api:8001
FILE_MANAGER_API_URL=http://localhost:8000
SYNC_INTERVAL=300                    # seconds
DATABASE_PATH=/app/data/sync.db
LIVE_RELOAD=true
`;

it('writes this YAML for the documented environment', () => {
  expect(
    yamlOf(importS3SyncService(documented, 'customer-a')),
  ).toBe(`# yaml-language-server: $schema=docs/sluice.schema.json
# Imported.

name: customer-a
# CUSTOMER_S3_BUCKET and CUSTOMER_S3_ENDPOINT.
hub:
  bucket: customer-bucket
  type: minio
  endpoint: http://minio-customer:9000
  # Name of a secret; the keys are not in this file.
  credentials: customer-a/hub
# FILE_MANAGER_API_URL.
fileManager:
  url: http://localhost:8000
  # Its host is of a private network.
  allowPrivate: true
# Takes the events: webhooks of the store, and pub/sub pushes.
ingest:
  token: customer-a/ingest
# For what no event told: bucket and ledger are compared.
reconcile: 1h
report:
  # SYNC_INTERVAL. Events are replayed and delivered within seconds; this is how often results are reported.
  every: 5m
`);
});

it('is read by the deployment as it was meant', () => {
  expect(deployable(importS3SyncService(documented, 'customer-a'))).toMatchObject({
    hub: { bucket: 'customer-bucket', endpoint: 'http://minio-customer:9000', type: 'minio' },
    fileManager: { url: 'http://localhost:8000', allowPrivate: true },
    report: { every: 300_000 },
    reconcile: 3_600_000,
  });
});

it('says what each setting that is not carried over has become', () => {
  const imported = importS3SyncService(documented, 'customer-a');
  const notes = 'notes' in imported ? imported.notes.join('\n') : '';
  for (const name of ['DATABASE_PATH', 'LIVE_RELOAD', 'MOCK_API_URL', 'IngestUrl', 'customer-a/hub']) {
    expect(notes).toContain(name);
  }
  expect(notes).toMatch(/http:\/\/minio-customer:9000 is of a private network/);
});

it('keeps the keys apart from what is printed', () => {
  const imported = importS3SyncService(minimal, 'customer-a');
  if ('problems' in imported) throw new Error('not imported');
  const { secrets, ...printed } = imported;
  expect(JSON.stringify(printed)).not.toMatch(/the-access-key|the-secret-key/);
  expect(secrets[0]?.fields).toEqual({ accessKeyId: 'the-access-key', secretAccessKey: 'the-secret-key' });
});

it('takes the mock for the file manager where no other was named', () => {
  const text = minimal.replace('FILE_MANAGER_API_URL=https://files', 'MOCK_API_URL=https://mock');
  expect(deployable(importS3SyncService(text, 'a'))).toMatchObject({
    fileManager: { url: 'https://mock.example.com', allowPrivate: false },
  });
});

it.each([
  ['300', 300_000],
  ['1', 60_000],
  ['90', 120_000],
  ['86400', 86_400_000],
])('reports every whole minutes for an interval of %s s', (seconds, every) => {
  const text = `${minimal}SYNC_INTERVAL=${seconds}\n`;
  expect(deployable(importS3SyncService(text, 'a')).report.every).toBe(every);
});

it('names the region that the host of the endpoint names', () => {
  const text = minimal.replace('s3.customer.example', 's3.eu-central-003.backblazeb2.com');
  expect(deployable(importS3SyncService(text, 'a')).hub).toMatchObject({
    type: 'b2',
    region: 'eu-central-003',
  });
});

it('names every missing setting at once', () => {
  const imported = importS3SyncService('SYNC_INTERVAL=-5\n', 'a');
  expect('problems' in imported && imported.problems.map(({ path }) => path)).toEqual([
    'CUSTOMER_S3_ENDPOINT',
    'CUSTOMER_S3_ACCESS_KEY',
    'CUSTOMER_S3_SECRET_KEY',
    'CUSTOMER_S3_BUCKET',
    'FILE_MANAGER_API_URL',
    'SYNC_INTERVAL',
  ]);
});

it('refuses a URL whose password would be printed', () => {
  const imported = importS3SyncService(minimal.replace('//files', '//user:hunter2@files'), 'a');
  expect('problems' in imported && imported.problems).toMatchObject([{ path: 'FILE_MANAGER_API_URL' }]);
  expect(JSON.stringify(imported)).not.toContain('hunter2');
});

it('answers for any file with settings that deploy, or with what is wrong', () => {
  const line = fc
    .tuple(
      fc.constantFrom(
        'CUSTOMER_S3_ENDPOINT',
        'CUSTOMER_S3_BUCKET',
        'FILE_MANAGER_API_URL',
        'MOCK_API_URL',
        'SYNC_INTERVAL',
      ),
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.domain(),
        fc.webUrl(),
        fc.ipV6().map((address) => `http://[${address}]:9000`),
        fc.constantFrom('http://', 'https://u:p@files', 'http://10.0.0.1:80/x', '0.01'),
      ),
    )
    .map(([key, value]) => `${key}=${value}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      const some = new Set(lines.map((one) => one.split('=')[0]));
      const base = minimal.split('\n').filter((one) => !some.has(one.split('=')[0]));
      return deployableOrExplained(importS3SyncService([...base, ...lines].join('\n'), 'a'));
    }),
    { numRuns: 300 },
  );
});
