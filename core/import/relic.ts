/** The environment of Relic's sync: a bucket of MinIO that is mirrored to another store at an interval. */
import * as z from 'zod';
import { parseSettings, type SettingsProblem } from '../settings/problems.ts';
import { isTimezone } from '../time-text.ts';
import {
  type ImportedDeployment,
  minutesText,
  oldBucket,
  oldEndpoint,
  secretNotes,
  unreachableNote,
  withoutPasswords,
} from './deployment.ts';
import { type ImportResult, oldAmount, oldBoolean, oldText, unknownKeys } from './imported.ts';
import { keyValueLines } from './key-value-lines.ts';
import { hostOf, storeOfHost } from './store-host.ts';

const DAY_S = 86_400;

const environment = z.object({
  MINIO_ENDPOINT: oldEndpoint().prefault('http://minio:9000'),
  MINIO_ACCESS_KEY: oldText('an access key').prefault('minioadmin'),
  MINIO_SECRET_KEY: oldText('a secret key').prefault('minioadmin'),
  MINIO_BUCKET: oldBucket().prefault('relics'),
  S3_SYNC_ENABLED: oldBoolean().prefault('false'),
  S3_SYNC_ACCESS_KEY: oldText('an access key'),
  S3_SYNC_SECRET_KEY: oldText('a secret key'),
  S3_SYNC_BUCKET: oldBucket(),
  S3_SYNC_ENDPOINT: oldEndpoint().prefault('s3.amazonaws.com'),
  S3_SYNC_REGION: oldText('a region such as us-east-1', (text) => /^[a-z0-9-]+$/.test(text)).prefault(
    'us-east-1',
  ),
  S3_SYNC_INTERVAL: oldAmount('seconds', 1000, 365 * DAY_S).prefault('1800'),
  S3_SYNC_MAX_RETRIES: oldText('a number of tries', (text) => /^\d{1,6}$/.test(text)).prefault('3'),
  S3_SYNC_RETRY_DELAY: oldAmount('seconds', 1000, DAY_S).prefault('60'),
  S3_SYNC_TIMEZONE: oldText('a timezone such as Europe/Berlin', isTimezone).prefault('UTC'),
});

/** What the old configuration says, in no one's format: sluice.yaml and agent.yaml are both made of it. */
export interface RelicJob {
  old: z.output<typeof environment>;
  destination: Record<string, unknown>;
  unknown: string[];
}

/**
 * @param text a file of `KEY=value` lines
 * @param name of the deployment
 * @returns the keys apart from the settings, which name only their secrets
 */
export function importRelic(text: string, name: string): ImportResult<ImportedDeployment> {
  const job = readRelic(text);
  if ('problems' in job) return job;
  const { old, destination, unknown } = job;
  const secrets = [
    {
      name: `${name}/hub`,
      purpose: 'keys of the source',
      fields: { accessKeyId: old.MINIO_ACCESS_KEY, secretAccessKey: old.MINIO_SECRET_KEY },
    },
    {
      name: `${name}/backup`,
      purpose: 'keys of the destination',
      fields: { accessKeyId: old.S3_SYNC_ACCESS_KEY, secretAccessKey: old.S3_SYNC_SECRET_KEY },
    },
    { name: `${name}/ingest`, purpose: 'token of the ingest URL', fields: { token: undefined } },
  ];
  return {
    settings: {
      name,
      hub: {
        bucket: old.MINIO_BUCKET,
        type: 'minio',
        endpoint: old.MINIO_ENDPOINT,
        credentials: `${name}/hub`,
      },
      destinations: [{ name: 'backup', ...destination, credentials: `${name}/backup` }],
      ingest: { token: `${name}/ingest` },
      timezone: old.S3_SYNC_TIMEZONE,
    },
    comments: [
      { path: ['hub'], text: 'MINIO_BUCKET and MINIO_ENDPOINT.' },
      { path: ['hub', 'credentials'], text: 'Names of secrets; the keys are not in this file.' },
      { path: ['destinations', 0, 'bucket'], text: 'S3_SYNC_BUCKET, S3_SYNC_ENDPOINT and S3_SYNC_REGION.' },
      {
        path: ['destinations', 0, 'deletes'],
        text: 'As mc mirror --remove did; many at once wait for approval (guard).',
      },
      { path: ['destinations', 0, 'enabled'], text: 'S3_SYNC_ENABLED.' },
      { path: ['destinations', 0, 'reconcile'], text: 'S3_SYNC_INTERVAL: how often both are compared.' },
      { path: ['ingest'], text: 'Takes the webhook of MinIO: changes are copied within seconds.' },
      { path: ['timezone'], text: 'S3_SYNC_TIMEZONE.' },
    ],
    notes: [
      ...secretNotes(secrets),
      'point the webhook of MinIO at the IngestUrl of the stack, with a queue directory; without it changes wait for the next reconcile',
      ...unreachableNote(old.MINIO_ENDPOINT, 'MINIO_ENDPOINT'),
      `S3_SYNC_MAX_RETRIES and S3_SYNC_RETRY_DELAY (${old.S3_SYNC_MAX_RETRIES} tries, ${old.S3_SYNC_RETRY_DELAY / 1000} s) are not carried over: a failed object is tried 12 times over hours, waiting longer each time, and then kept in the dead-letter queue (npm run ops -- redrive backup)`,
      ...(old.S3_SYNC_ENABLED
        ? []
        : ['S3_SYNC_ENABLED is not true: the destination is deployed but nothing is copied']),
      ...unknown,
    ],
    secrets,
  };
}

export function readRelic(text: string): RelicJob | { problems: SettingsProblem[] } {
  const { values, problems } = keyValueLines(text, 'env');
  const result = parseSettings(environment, Object.fromEntries(values));
  const found = [...problems, ...('problems' in result ? result.problems : [])];
  if ('problems' in result || found.length > 0) return { problems: withoutPasswords(found) };
  const old = result.settings;
  const { type } = storeOfHost(hostOf(old.S3_SYNC_ENDPOINT));
  return {
    old,
    destination: {
      bucket: old.S3_SYNC_BUCKET,
      type,
      region: old.S3_SYNC_REGION,
      endpoint: regionalEndpoint(old.S3_SYNC_ENDPOINT, old.S3_SYNC_REGION),
      // A dot in the name would need a certificate of its own as a host name.
      ...(type === 'aws' && old.S3_SYNC_BUCKET.includes('.') ? { addressing: 'path' } : {}),
      deletes: true,
      createBucket: true,
      enabled: old.S3_SYNC_ENABLED,
      reconcile: minutesText(old.S3_SYNC_INTERVAL),
    },
    unknown: unknownKeys('relic', values.keys(), Object.keys(environment.shape)),
  };
}

/** The global host answers for us-east-1 only, and redirects for all others. */
function regionalEndpoint(endpoint: string, region: string): string {
  return hostOf(endpoint).toLowerCase() === 's3.amazonaws.com'
    ? `https://s3.${region}.amazonaws.com`
    : endpoint;
}
