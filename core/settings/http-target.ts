/** HTTP services that Sluice calls: the file manager, and who wants reports. */
import { z } from 'zod';
import { durationMs, minutesOrOff, wholeMinutes } from './duration.ts';
import { httpUrl, secretName } from './store-place.ts';

const LONGEST_FULL_MS = 60 * 86_400_000;

const httpTarget = {
  /** Redirects are refused. */
  url: httpUrl,
  /** Secret with JSON `{"signingKey"}`: bodies are signed with it; absent: not signed. */
  secret: secretName.optional(),
  /** Whether the host may be at an address of a private network, or of this machine. */
  allowPrivate: z.boolean().default(false),
  /** Of one call, its retries not counted. */
  timeout: durationMs.prefault('30s'),
};

export const fileManagerSchema = z.strictObject({
  ...httpTarget,
  /** Whether it is told of deletes. */
  deletes: z.boolean().default(true),
  /** Keys in work at once. */
  concurrency: z.int().min(2).max(1000).default(5),
});
export type FileManagerSettings = z.output<typeof fileManagerSchema>;

/** The fewest that a queue can be limited to: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const FEWEST_INSTANCES = 2;
const KEYS_AN_INSTANCE = 10;

/** How many function instances share the keys in work, and how many each has at once; together never more than set. */
export function shareOfKeys({ concurrency }: Pick<FileManagerSettings, 'concurrency'>): {
  instances: number;
  keysEach: number;
} {
  const instances = Math.max(FEWEST_INSTANCES, Math.ceil(concurrency / KEYS_AN_INSTANCE));
  return { instances, keysEach: Math.floor(concurrency / instances) };
}

export const reportSchema = z.strictObject({
  /** How often what changed since is told. */
  every: wholeMinutes.prefault('5m'),
  /** How often the whole state is written, and compared with what the changes should have made of the last one. */
  full: minutesOrOff
    .refine((every) => every === 'off' || every <= LONGEST_FULL_MS, {
      error: 'at most 60d: the changes since are kept for 90',
    })
    .prefault('1d'),
  /** Each is sent the results of every run. */
  endpoints: z.array(z.strictObject(httpTarget)).default([]),
});
export type ReportSettings = z.output<typeof reportSchema>;
export type ReportEndpoint = ReportSettings['endpoints'][number];
