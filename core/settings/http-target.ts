/** HTTP services that Sluice calls: the file manager, and who wants reports. */
import * as z from '../schema.ts';
import { durationMs, minutesOrOff, wholeMinutes } from './duration.ts';
import { httpUrl, secretName } from './store-place.ts';

const LONGEST_FULL_MS = 60 * 86_400_000;

const httpTarget = {
  url: httpUrl.check(z.describe('Redirects are refused.')),
  secret: z
    .optional(secretName)
    .check(z.describe('Secret with JSON `{"signingKey"}`: bodies are signed with it; absent: not signed.')),
  allowPrivate: z
    ._default(z.boolean(), false)
    .check(z.describe('Whether the host may be at an address of a private network, or of this machine.')),
  timeout: z.prefault(durationMs, '30s').check(z.describe('Of one call, its retries not counted.')),
};

export const fileManagerSchema = z.strictObject({
  ...httpTarget,
  deletes: z._default(z.boolean(), true).check(z.describe('Whether it is told of deletes.')),
  concurrency: z
    ._default(z.int().check(z.minimum(2), z.maximum(1000)), 5)
    .check(z.describe('Keys in work at once.')),
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
  every: z.prefault(wholeMinutes, '5m').check(z.describe('How often what changed since is told.')),
  full: z
    .prefault(
      minutesOrOff.check(
        z.refine((every) => every === 'off' || every <= LONGEST_FULL_MS, {
          error: 'at most 60d: the changes since are kept for 90',
        }),
      ),
      '1d',
    )
    .check(
      z.describe(
        'How often the whole state is written, and compared with what the changes should have made of the last one.',
      ),
    ),
  endpoints: z
    ._default(z.array(z.strictObject(httpTarget)), [])
    .check(z.describe('Each is sent the results of every run.')),
});
export type ReportSettings = z.output<typeof reportSchema>;
export type ReportEndpoint = ReportSettings['endpoints'][number];
