/** The `key=value` file of syncd: what is new in one folder goes to the bucket, once or at an interval, with markers. */
import * as z from 'zod';
import { parseSettings } from '../settings/problems.ts';
import {
  durationText,
  type ImportResult,
  oldBucketName,
  oldDirectory,
  oldText,
  ownPrefix,
  unknownKeys,
} from './imported.ts';
import { keyValueLines } from './key-value-lines.ts';

export interface ImportedKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** https://pkg.go.dev/time#ParseDuration */
const GO_UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const GO_TERM = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const GO_DURATION = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const MAX_INTERVAL_MS = 3_650 * 86_400_000;

const file = z.object({
  aws_access_key: oldText('an access key'),
  aws_secret_key: oldText('a secret key'),
  local_dir: oldDirectory(),
  bucket_name: oldBucketName(),
  prefix: oldText('a prefix', () => true).prefault(''),
  sync_interval: oldText(
    '0, or a duration of at least 1s such as 30s, 5m or 1h',
    (text) => goDurationMs(text) !== undefined,
  )
    .transform((text) => goDurationMs(text) ?? 0)
    .prefault('0'),
  sync_marker_file: oldText('a file name', (text) => /^[^/\0]{1,255}$/.test(text)).prefault('syncd.txt'),
});

/**
 * @param credentialsFile where the caller is going to write the keys; absent: the agent finds some by itself
 * @returns the keys apart from the settings, which name only their file
 */
export function importSyncd(text: string, credentialsFile?: string): ImportResult<{ keys: ImportedKeys }> {
  const { values, problems } = keyValueLines(text, 'plain');
  const result = parseSettings(file, Object.fromEntries(values));
  const found = [...problems, ...('problems' in result ? result.problems : [])];
  if ('problems' in result || found.length > 0) return { problems: found };
  const old = result.settings;
  const prefix = ownPrefix(old.prefix);
  return {
    settings: {
      store: {
        bucket: old.bucket_name,
        ...(credentialsFile === undefined ? {} : { credentials: { file: credentialsFile } }),
      },
      folders: [
        {
          name: 'archive',
          path: old.local_dir,
          prefix,
          mode: 'append',
          schedule: old.sync_interval === 0 ? 'once' : { every: durationText(old.sync_interval) },
          ignoreTemporary: false,
          compare: 'presence',
          marker: old.sync_marker_file,
        },
      ],
    },
    comments: [
      { path: ['folders', 0, 'schedule'], text: 'sync_interval' },
      {
        path: ['folders', 0, 'compare'],
        text: 'What is in the bucket under this name counts as uploaded; content, mtime or size look closer.',
      },
    ],
    notes: [
      'the old file names no region: us-east-1 is assumed, correct store.region if the bucket is elsewhere',
      `files named ${old.sync_marker_file} that the old service wrote stay and stand in the way of new markers: delete them once`,
      ...(credentialsFile === undefined
        ? [
            'the keys were not carried over: import again with --credentials FILE to write them to a file of their own, or leave them to the AWS default chain (environment, profile, role)',
          ]
        : []),
      ...(prefix === old.prefix || prefix === `${old.prefix}/`
        ? []
        : [
            `prefix ${JSON.stringify(old.prefix)} is ${JSON.stringify(prefix)} here: check where the old objects are`,
          ]),
      ...unknownKeys('syncd', values.keys(), Object.keys(file.shape)),
    ],
    keys: { accessKeyId: old.aws_access_key, secretAccessKey: old.aws_secret_key },
  };
}

/** Milliseconds; 0 for one sync; `undefined` when it is no duration that can be waited for. */
function goDurationMs(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!GO_DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(GO_TERM))
    totalMs += Number(amount) * (GO_UNIT_MS[unit ?? ''] ?? 0);
  const roundedMs = Math.round(totalMs);
  return totalMs === 0 || (roundedMs >= 1000 && roundedMs <= MAX_INTERVAL_MS) ? roundedMs : undefined;
}
