/** The environment of the S3 sync service: a customer's bucket whose files and permissions a file manager gets. */
import * as z from 'zod';
import { parseSettings } from '../settings/problems.ts';
import {
  type ImportedDeployment,
  minutesText,
  oldBucket,
  oldEndpoint,
  oldUrl,
  secretNotes,
  unreachableNote,
  withoutPasswords,
} from './deployment.ts';
import { type ImportResult, oldAmount, oldText, unknownKeys } from './imported.ts';
import { keyValueLines } from './key-value-lines.ts';
import { hostOf, isPrivateHost, storeOfHost } from './store-host.ts';

const HOUR_MS = 3_600_000;

const environment = z.object({
  CUSTOMER_S3_ENDPOINT: oldEndpoint(),
  CUSTOMER_S3_ACCESS_KEY: oldText('an access key'),
  CUSTOMER_S3_SECRET_KEY: oldText('a secret key'),
  CUSTOMER_S3_BUCKET: oldBucket(),
  FILE_MANAGER_API_URL: oldUrl(),
  MOCK_API_URL: z.string().optional(),
  SYNC_INTERVAL: oldAmount('seconds', 1000, 86_400).prefault('300'),
  DATABASE_PATH: z.string().optional(),
  LIVE_RELOAD: z.string().optional(),
});

/**
 * @param text a file of `KEY=value` lines
 * @param name of the deployment
 * @returns the keys apart from the settings, which name only their secret
 */
export function importS3SyncService(text: string, name: string): ImportResult<ImportedDeployment> {
  const { values, problems } = keyValueLines(text, 'env');
  const mocked = !values.has('FILE_MANAGER_API_URL') && values.has('MOCK_API_URL');
  const result = parseSettings(environment, {
    ...Object.fromEntries(values),
    ...(mocked ? { FILE_MANAGER_API_URL: values.get('MOCK_API_URL') } : {}),
  });
  const found = [...problems, ...('problems' in result ? result.problems : [])];
  if ('problems' in result || found.length > 0) return { problems: withoutPasswords(found) };
  const old = result.settings;
  const endpoint = old.CUSTOMER_S3_ENDPOINT;
  const store = storeOfHost(hostOf(endpoint));
  const url = old.FILE_MANAGER_API_URL;
  const isPrivate = isPrivateHost(hostOf(url));
  const secrets = [
    {
      name: `${name}/hub`,
      purpose: 'keys of the bucket',
      fields: { accessKeyId: old.CUSTOMER_S3_ACCESS_KEY, secretAccessKey: old.CUSTOMER_S3_SECRET_KEY },
    },
    { name: `${name}/ingest`, purpose: 'token of the ingest URL', fields: { token: undefined } },
  ];
  return {
    settings: {
      name,
      hub: { bucket: old.CUSTOMER_S3_BUCKET, ...store, endpoint, credentials: `${name}/hub` },
      fileManager: { url, ...(isPrivate ? { allowPrivate: true } : {}) },
      ingest: { token: `${name}/ingest` },
      reconcile: minutesText(Math.max(old.SYNC_INTERVAL, HOUR_MS)),
      report: { every: minutesText(old.SYNC_INTERVAL) },
    },
    comments: [
      { path: ['hub'], text: 'CUSTOMER_S3_BUCKET and CUSTOMER_S3_ENDPOINT.' },
      { path: ['hub', 'credentials'], text: 'Name of a secret; the keys are not in this file.' },
      {
        path: ['fileManager'],
        text: mocked ? 'MOCK_API_URL.' : 'FILE_MANAGER_API_URL.',
      },
      { path: ['fileManager', 'allowPrivate'], text: 'Its host is of a private network.' },
      { path: ['ingest'], text: 'Takes the events: webhooks of the store, and pub/sub pushes.' },
      { path: ['reconcile'], text: 'For what no event told: bucket and ledger are compared.' },
      {
        path: ['report', 'every'],
        text: 'SYNC_INTERVAL. Events are replayed and delivered within seconds; this is how often results are reported.',
      },
    ],
    notes: [
      ...secretNotes(secrets),
      'the old service took its events from a queue: point them (or the webhook of the store) at the IngestUrl of the stack',
      ...unreachableNote(endpoint, 'CUSTOMER_S3_ENDPOINT'),
      ...(isPrivate ? unreachableNote(url, 'the file manager') : []),
      ...(!mocked && values.has('MOCK_API_URL')
        ? ['MOCK_API_URL is not carried over: where results were reported to it, name it in report.endpoints']
        : []),
      ...[
        values.has('DATABASE_PATH') &&
          'DATABASE_PATH is not needed: the ledger is a table, filled by npm run ops -- initial-sync',
        values.has('LIVE_RELOAD') && 'LIVE_RELOAD is npm start -- --watch',
      ].filter((note) => note !== false),
      ...unknownKeys('s3-sync-service', values.keys(), Object.keys(environment.shape)),
    ],
    secrets,
  };
}
