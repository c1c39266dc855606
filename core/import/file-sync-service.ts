/** The YAML file of file-sync-service: one folder that a bucket follows, and the CloudFront paths in front of it. */
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod';
import { parseSettings } from '../settings/problems.ts';
import {
  durationText,
  type ImportResult,
  oldAmount,
  oldBoolean,
  oldBucketName,
  oldDirectory,
  oldText,
  ownPrefix,
  unknownKeys,
} from './imported.ts';

const SECOND_MS = 1000;

const file = z
  .object({
    watch_path: oldDirectory(),
    s3_bucket: oldBucketName(),
    s3_region: oldText('the region of the bucket, such as us-east-1'),
    s3_prefix: oldText('a prefix', () => true).prefault(''),
    retry_file: oldText('a file').prefault('retry_queue.json'),
    retry_interval_seconds: oldAmount('seconds', SECOND_MS, 86_400).prefault('300'),
    cloudfront_enabled: oldBoolean().prefault('false'),
    cloudfront_distribution_id: oldText('the id of a distribution', () => true).prefault(''),
  })
  .refine((old) => !old.cloudfront_enabled || old.cloudfront_distribution_id !== '', {
    path: ['cloudfront_distribution_id'],
    error: 'the id of a distribution, because cloudfront_enabled is true',
  });

export function importFileSyncService(text: string): ImportResult {
  const values = scalars(text);
  if (typeof values === 'string') {
    return { problems: [{ path: '', found: values, expected: 'a YAML mapping of settings' }] };
  }
  const result = parseSettings(file, values);
  if ('problems' in result) return result;
  const old = result.settings;
  const prefix = ownPrefix(old.s3_prefix);
  return {
    settings: {
      store: { bucket: old.s3_bucket, region: old.s3_region },
      folders: [{ name: 'files', path: old.watch_path, prefix, mode: 'mirror', ignoreTemporary: true }],
      rescan: durationText(old.retry_interval_seconds),
      ...(old.cloudfront_enabled ? { cdn: { distribution: old.cloudfront_distribution_id } } : {}),
    },
    comments: [
      { path: ['store'], text: 'Credentials: the AWS default chain (environment, profile, role).' },
      { path: ['folders', 0, 'mode'], text: 'Deletes are mirrored; many at once wait for approval (guard).' },
      {
        path: ['folders', 0, 'ignoreTemporary'],
        text: 'Hidden names, *.tmp, *.swp, *~ and *.tmp.*; add your own patterns with ignore.',
      },
      {
        path: ['rescan'],
        text: 'retry_interval_seconds: how often folder and bucket are compared; failures are also tried again sooner.',
      },
    ],
    notes: [
      `uploads that wait in ${old.retry_file} need no import: the agent compares the folder with the bucket when it starts`,
      `deletes that wait in ${old.retry_file} are not carried over: objects whose files were gone before the first start stay`,
      ...(prefix === old.s3_prefix || prefix === `${old.s3_prefix}/`
        ? []
        : [
            `s3_prefix ${JSON.stringify(old.s3_prefix)} is ${JSON.stringify(prefix)} here: check where the old objects are`,
          ]),
      ...(old.cloudfront_enabled || old.cloudfront_distribution_id === ''
        ? []
        : ['cloudfront_enabled is not true: the distribution is not carried over']),
      ...unknownKeys('file-sync-service', Object.keys(values), Object.keys(file.shape)),
    ],
  };
}

/** Every scalar as it is written: a bucket `0123` is no number. Or, as text, what the file is instead. */
function scalars(text: string): Record<string, unknown> | string {
  let value: unknown;
  try {
    value = parse(text, { schema: 'failsafe', logLevel: 'error' });
  } catch (error) {
    // An alias without its anchor is a ReferenceError.
    if (!(error instanceof YAMLParseError || error instanceof ReferenceError)) throw error;
    return `no YAML: ${error.message.split('\n')[0] ?? ''}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'something else';
  return Object.fromEntries(Object.entries(value).filter(([, one]) => !isNothing(one)));
}

function isNothing(value: unknown): boolean {
  return value === null || (typeof value === 'string' && /^(?:|~|null)$/i.test(value));
}
