import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { importRelicHost } from '#core/import/relic-host.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { readSettings } from '#core/settings/settings-file.ts';

const KEYS = 'S3_SYNC_ACCESS_KEY=AKIAIOSFODNN7EXAMPLE\nS3_SYNC_SECRET_KEY=wJalrXUtnFEMI/K7\n';
const complete = `${KEYS}S3_SYNC_ENABLED=true
S3_SYNC_ENDPOINT=s3.us-west-000.backblazeb2.com
S3_SYNC_BUCKET=my-relic-backups
S3_SYNC_REGION=us-west-000
S3_SYNC_INTERVAL=900
S3_SYNC_MAX_RETRIES=5
S3_SYNC_RETRY_DELAY=120
S3_SYNC_TIMEZONE=Europe/Berlin
MINIO_ENDPOINT=http://minio:9000
MINIO_ACCESS_KEY=minioadmin-key
MINIO_SECRET_KEY=minioadmin-secret
MINIO_BUCKET=relics
`;

function read(text: string) {
  const imported = importRelicHost(text);
  if ('problems' in imported) throw new Error(JSON.stringify(imported.problems));
  const result = readSettings(agentSettings, 'agent.yaml', stringify(imported.settings), {});
  if ('problems' in result) throw new Error(result.problems);
  return { imported, settings: result.settings };
}

it('carries over every variable, and of the keys only their names', () => {
  const { imported, settings } = read(complete);
  expect(settings.buckets).toMatchObject([
    {
      source: {
        bucket: 'relics',
        endpoint: 'http://minio:9000',
        credentials: { accessKeyVariable: 'MINIO_ACCESS_KEY', secretKeyVariable: 'MINIO_SECRET_KEY' },
      },
      destinations: [
        {
          bucket: 'my-relic-backups',
          endpoint: 'https://s3.us-west-000.backblazeb2.com',
          region: 'us-west-000',
          type: 'b2',
          deletes: true,
          createBucket: true,
          credentials: { accessKeyVariable: 'S3_SYNC_ACCESS_KEY', secretKeyVariable: 'S3_SYNC_SECRET_KEY' },
        },
      ],
      interval: 900_000,
      enabled: true,
      retry: { attempts: 5, delay: 120_000 },
    },
  ]);
  expect(settings.log.timezone).toBe('Europe/Berlin');
  expect(JSON.stringify(imported)).not.toMatch(/AKIA|wJalr|minioadmin/);
});

it('says what it could not carry over as it was', () => {
  const more = 'S3_SYNC_INTERVAL=604800\nS3_SYNC_MAX_RETRIES=0\nS3_SYNC_EXTRA=1\n';
  const { imported, settings } = read(`${KEYS}S3_SYNC_BUCKET=backups\n${more}`);
  expect(settings.buckets[0]).toMatchObject({
    interval: 86_400_000,
    enabled: false,
    retry: { attempts: 1 },
  });
  const notes = imported.notes.join('\n');
  for (const name of ['S3_SYNC_INTERVAL', 'S3_SYNC_MAX_RETRIES', 'S3_SYNC_ENABLED', 'S3_SYNC_EXTRA']) {
    expect(notes).toContain(name);
  }
});

it('answers settings that the agent reads, or problems, for any values', () => {
  const names = [
    'S3_SYNC_BUCKET',
    'S3_SYNC_ENDPOINT',
    'S3_SYNC_INTERVAL',
    'S3_SYNC_RETRY_DELAY',
    'MINIO_ENDPOINT',
  ];
  const value = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.constantFrom('a.b', 'http://x:1/', 'minio:9000'),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), (values) => {
      const lines = Object.entries(values).map(([name, one]) => `${name}=${one.replace(/[\r\n]/g, '')}`);
      const text = `${KEYS}S3_SYNC_MAX_RETRIES=3\n${lines.join('\n')}\n`;
      if ('problems' in importRelicHost(text)) return;
      read(text);
    }),
  );
});
