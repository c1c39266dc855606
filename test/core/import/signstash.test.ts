import fc from 'fast-check';
import { expect, it } from 'vitest';
import { importSignstash, importSignstashFile } from '#core/import/signstash.ts';
import { accepted, acceptedOrExplained } from './imported.ts';

const DAY_MS = 86_400_000;

it('takes the old defaults for what is not set', () => {
  const settings = accepted(importSignstash({}));
  expect(settings.store).toMatchObject({
    bucket: 'storage',
    endpoint: 'http://localhost:9000',
    credentials: { accessKeyVariable: 'MINIO_ACCESS_KEY', secretKeyVariable: 'MINIO_SECRET_KEY' },
  });
  expect(settings.folders).toMatchObject([
    { path: '/home/sign/input', prefix: 'input/', mode: 'receive', interval: 5000, ignoreTemporary: false },
    { path: '/home/sign/output', prefix: 'output/', mode: 'move', ignoreTemporary: false },
    { path: '/home/sign/backup', prefix: 'backup/', mode: 'move', ignoreTemporary: false },
  ]);
  for (const { retention } of settings.folders) {
    expect(retention).toEqual({ olderThan: DAY_MS, expireUnsynced: false });
  }
  expect(settings.log.level).toBe('INFO');
});

it('reads the documented example, with quotes, comments and export as env files have them', () => {
  const imported = importSignstashFile(`# signstash
MINIO_ENDPOINT=minio:9000
MINIO_ACCESS_KEY=your_access_key
export MINIO_SECRET_KEY="your secret # key"
MINIO_BUCKET_NAME='your_bucket' # the bucket
MAX_FILE_AGE_DAYS=1.5
SYNC_INTERVAL=10\r
LOG_LEVEL=warning
MINIO_SECURE=True
FOLDER_PATH_SYNC=/mnt/sign/
`);
  const settings = accepted(imported);
  expect(settings.store).toMatchObject({ endpoint: 'https://minio:9000', bucket: 'your_bucket' });
  expect(settings.folders[0]).toMatchObject({
    path: '/mnt/sign/input',
    interval: 10_000,
    retention: { olderThan: 1.5 * DAY_MS },
  });
  expect(settings.log.level).toBe('WARN');
  expect(JSON.stringify(imported)).not.toMatch(/your_access_key|your secret/);
});

it('names every bad value at once, with what was found and what was expected', () => {
  const imported = importSignstashFile(
    'MINIO_ENDPOINT=http://minio:9000/\nMAX_FILE_AGE_DAYS=0\nSYNC_INTERVAL=5s\nLOG_LEVEL=LOUD\nMINIO_SECURE=maybe\nFOLDER_PATH_SYNC=sign\nMINIO_SECRET_KEY secret\nMINIO_BUCKET_NAME=a\nMINIO_BUCKET_NAME=b\n',
  );
  expect('problems' in imported && imported.problems).toEqual([
    { path: 'line 7', found: 'something else', expected: 'KEY=value' },
    { path: 'MINIO_BUCKET_NAME', found: 'a second value in line 9', expected: 'one' },
    expect.objectContaining({
      path: 'MINIO_ENDPOINT',
      found: '"http://minio:9000/"',
      expected: expect.stringContaining('host:port without http://'),
    }),
    expect.objectContaining({ path: 'FOLDER_PATH_SYNC', found: '"sign"' }),
    expect.objectContaining({
      path: 'MAX_FILE_AGE_DAYS',
      expected: 'a number of days, more than 0 and at most 36500',
    }),
    expect.objectContaining({ path: 'SYNC_INTERVAL', found: '"5s"' }),
    expect.objectContaining({ path: 'LOG_LEVEL', expected: 'DEBUG, INFO, WARNING, ERROR or CRITICAL' }),
    expect.objectContaining({ path: 'MINIO_SECURE', expected: 'true or false' }),
  ]);
});

it('says where the keys come from, and what in the file is none of its settings', () => {
  const imported = importSignstashFile('MINIO_ENDPIONT=minio:9000\n');
  if ('problems' in imported) throw new Error('not imported');
  expect(imported.notes).toContainEqual(expect.stringContaining('start the agent with MINIO_ACCESS_KEY'));
  expect(imported.notes).toContainEqual(expect.stringContaining('minioadmin'));
  expect(imported.notes).toContainEqual('not a setting of signstash, ignored: MINIO_ENDPIONT');
});

it('answers for any environment with settings that the agent reads, or with what is wrong', () => {
  const wild = fc.string({ unit: 'grapheme' });
  const environment = fc.record(
    {
      MINIO_ENDPOINT: fc.oneof(
        wild,
        fc.constantFrom('minio', '[::1]:9000', '1.2.3.4:65536', 'a_b:1', '999.1.1.1:80'),
      ),
      MINIO_ACCESS_KEY: wild,
      MINIO_SECRET_KEY: wild,
      MINIO_BUCKET_NAME: wild,
      FOLDER_PATH_SYNC: fc.oneof(
        wild,
        wild.map((path) => `/${path}`),
      ),
      MAX_FILE_AGE_DAYS: fc.oneof(wild, fc.double().map(String), fc.integer().map(String)),
      SYNC_INTERVAL: fc.oneof(wild, fc.double({ min: 0, max: 100 }).map(String), fc.nat().map(String)),
      LOG_LEVEL: fc.oneof(wild, fc.constantFrom('debug', 'CRITICAL', 'constructor')),
      MINIO_SECURE: fc.oneof(wild, fc.constantFrom('true', 'False', '1')),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(environment, (variables) => acceptedOrExplained(importSignstash(variables))),
    { numRuns: 300 },
  );
});
