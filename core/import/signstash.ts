/** The environment of signstash: what it downloads to `input`, and what it uploads from `output` and `backup`. */
import * as z from 'zod';
import { parseSettings, type SettingsProblem } from '../settings/problems.ts';
import { httpUrl } from '../settings/store-place.ts';
import {
  durationText,
  type ImportResult,
  oldAmount,
  oldBoolean,
  oldBucketName,
  oldDirectory,
  oldText,
  unknownKeys,
} from './imported.ts';
import { keyValueLines } from './key-value-lines.ts';

const LEVELS: Readonly<Record<string, string>> = {
  NOTSET: 'DEBUG',
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARN',
  WARNING: 'WARN',
  ERROR: 'ERROR',
  CRITICAL: 'ERROR',
  FATAL: 'ERROR',
};
const SECOND_MS = 1000;
const DAY_MS = 86_400_000;

const environment = z.object({
  MINIO_ENDPOINT: oldText(
    'host:port without http:// and without a slash, such as localhost:9000',
    isHostAndPort,
  ).prefault('localhost:9000'),
  MINIO_ACCESS_KEY: oldText('an access key').prefault('minioadmin'),
  MINIO_SECRET_KEY: oldText('a secret key').prefault('minioadmin'),
  MINIO_BUCKET_NAME: oldBucketName().prefault('storage'),
  FOLDER_PATH_SYNC: oldDirectory().prefault('/home/sign'),
  MAX_FILE_AGE_DAYS: oldAmount('days', DAY_MS, 36_500).prefault('1'),
  SYNC_INTERVAL: oldAmount('seconds', SECOND_MS, 86_400).prefault('5'),
  LOG_LEVEL: oldText(
    'DEBUG, INFO, WARNING, ERROR or CRITICAL',
    (text) => levelOf(text) !== undefined,
  ).prefault('INFO'),
  MINIO_SECURE: oldBoolean().prefault('false'),
});

/** @param text of a file of `KEY=value` lines */
export function importSignstashFile(text: string): ImportResult {
  const { values, problems } = keyValueLines(text, 'env');
  const imported = importSignstash(Object.fromEntries(values), problems);
  if ('problems' in imported) return imported;
  imported.notes.push(...unknownKeys('signstash', values.keys(), Object.keys(environment.shape)));
  return imported;
}

/** @param variables the environment that the old service ran in; what is none of its settings is passed over */
export function importSignstash(
  variables: Readonly<Record<string, string | undefined>>,
  problems: readonly SettingsProblem[] = [],
): ImportResult {
  const result = parseSettings(environment, variables);
  const found = [...problems, ...('problems' in result ? result.problems : [])];
  if ('problems' in result || found.length > 0) return { problems: found };
  const old = result.settings;
  const base = old.FOLDER_PATH_SYNC.replace(/\/$/, '');
  const retention = { olderThan: durationText(old.MAX_FILE_AGE_DAYS) };
  const folder = (name: string, mode: string, more: object = {}) => ({
    name,
    path: `${base}/${name}`,
    prefix: `${name}/`,
    mode,
    ignoreTemporary: false,
    ...more,
    retention,
  });
  return {
    settings: {
      store: {
        bucket: old.MINIO_BUCKET_NAME,
        endpoint: `${old.MINIO_SECURE ? 'https' : 'http'}://${old.MINIO_ENDPOINT}`,
        credentials: { accessKeyVariable: 'MINIO_ACCESS_KEY', secretKeyVariable: 'MINIO_SECRET_KEY' },
      },
      folders: [
        folder('input', 'receive', { interval: durationText(old.SYNC_INTERVAL) }),
        folder('output', 'move'),
        folder('backup', 'move'),
      ],
      log: { level: levelOf(old.LOG_LEVEL) },
    },
    comments: [
      {
        path: ['store', 'credentials'],
        text: 'Names of environment variables; the keys are not in this file.',
      },
      { path: ['folders', 0, 'interval'], text: 'How often input/ is listed: SYNC_INTERVAL.' },
      {
        path: ['folders', 1, 'retention'],
        text: 'MAX_FILE_AGE_DAYS. What the bucket does not hold stays, unless expireUnsynced is true.',
      },
    ],
    notes: [
      'the keys stay in the environment: start the agent with MINIO_ACCESS_KEY and MINIO_SECRET_KEY set',
      ...(variables.MINIO_ACCESS_KEY === undefined || variables.MINIO_SECRET_KEY === undefined
        ? ['the old service used minioadmin for a key that was not set; the agent has no such default']
        : []),
      `${base}/input, ${base}/output and ${base}/backup must exist: the agent takes a missing folder for a missing mount`,
      'files that are old but not yet safe in the bucket are kept; expireUnsynced: true in a retention removes them too',
    ],
  };
}

function levelOf(text: string): string | undefined {
  const name = text.toUpperCase();
  return Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined;
}

function isHostAndPort(text: string): boolean {
  const [, port] = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?$/.exec(text) ?? ['', 'none'];
  const possible = port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
  // An address such as 999.1.1.1 looks like a host and is none.
  return possible && httpUrl.safeParse(`http://${text}`).success;
}
