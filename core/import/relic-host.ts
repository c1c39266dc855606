/** The same job of Relic's sync on a host beside its MinIO, where the cloud cannot reach it: `buckets` of agent.yaml. */
import { durationText, type ImportResult } from './imported.ts';
import { readRelic } from './relic.ts';

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;

/**
 * @param text a file of `KEY=value` lines
 * @returns settings that name the variables of the keys; no key is in them
 */
export function importRelicHost(text: string): ImportResult {
  const job = readRelic(text);
  if ('problems' in job) return job;
  const { old, unknown } = job;
  const { enabled: _enabled, reconcile: _reconcile, ...destination } = job.destination;
  const intervalMs = Math.min(Math.max(old.S3_SYNC_INTERVAL, SECOND_MS), DAY_MS);
  const attempts = Math.max(1, Number(old.S3_SYNC_MAX_RETRIES));
  return {
    settings: {
      buckets: [
        {
          name: 'relic',
          source: {
            bucket: old.MINIO_BUCKET,
            type: 'minio',
            endpoint: old.MINIO_ENDPOINT,
            credentials: { accessKeyVariable: 'MINIO_ACCESS_KEY', secretKeyVariable: 'MINIO_SECRET_KEY' },
          },
          destinations: [
            {
              name: 'backup',
              ...destination,
              credentials: {
                accessKeyVariable: 'S3_SYNC_ACCESS_KEY',
                secretKeyVariable: 'S3_SYNC_SECRET_KEY',
              },
            },
          ],
          interval: durationText(intervalMs),
          enabled: old.S3_SYNC_ENABLED,
          retry: { attempts, delay: durationText(old.S3_SYNC_RETRY_DELAY) },
        },
      ],
      log: { timezone: old.S3_SYNC_TIMEZONE },
    },
    comments: [
      { path: ['buckets', 0, 'source'], text: 'MINIO_ENDPOINT and MINIO_BUCKET.' },
      {
        path: ['buckets', 0, 'source', 'credentials'],
        text: 'Names of variables; the keys stay in the environment.',
      },
      {
        path: ['buckets', 0, 'destinations', 0, 'bucket'],
        text: 'S3_SYNC_BUCKET, S3_SYNC_ENDPOINT and S3_SYNC_REGION.',
      },
      {
        path: ['buckets', 0, 'destinations', 0, 'deletes'],
        text: 'As mc mirror --remove did; many at once wait for approval (guard).',
      },
      {
        path: ['buckets', 0, 'interval'],
        text: 'S3_SYNC_INTERVAL: full comparisons; between them MinIO tells of changes.',
      },
      { path: ['buckets', 0, 'enabled'], text: 'S3_SYNC_ENABLED.' },
      {
        path: ['buckets', 0, 'retry'],
        text: 'S3_SYNC_MAX_RETRIES and S3_SYNC_RETRY_DELAY, for each object and for a comparison.',
      },
      { path: ['log', 'timezone'], text: 'S3_SYNC_TIMEZONE.' },
    ],
    notes: [
      'set MINIO_ACCESS_KEY, MINIO_SECRET_KEY, S3_SYNC_ACCESS_KEY and S3_SYNC_SECRET_KEY for the agent, as the old file did (EnvironmentFile= of its systemd unit); they have no defaults',
      ...(intervalMs === old.S3_SYNC_INTERVAL
        ? []
        : [`S3_SYNC_INTERVAL is ${durationText(intervalMs)}: comparisons are 1s to 24h apart`]),
      ...(attempts === Number(old.S3_SYNC_MAX_RETRIES) ? [] : ['S3_SYNC_MAX_RETRIES is 1: the first try']),
      ...(old.S3_SYNC_ENABLED ? [] : ['S3_SYNC_ENABLED is not true: the bucket is paused (enabled: false)']),
      ...unknown,
    ],
  };
}
