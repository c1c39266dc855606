/** `buckets:` of agent.yaml: stores beside the host that the cloud cannot reach, mirrored by the agent itself. */
import * as z from 'zod';
import { STORE_TYPES } from '../store-type.ts';
import { autoOrBoolean, deleteGuard, name } from './destination.ts';
import { durationMs } from './duration.ts';
import { credentialFields } from './host-credentials.ts';
import { overlaps } from './key-prefix.ts';
import { bucketName, hasPort, httpUrl, isBucketInUrl, samePlace, URL_WITHOUT_BUCKET } from './store-place.ts';

const DAY_MS = 86_400_000;
const upToADay = durationMs.check(
  z.refine((ms) => ms >= 1000 && ms <= DAY_MS, { error: 'a duration of at least 1s and at most 24h' }),
);

/** A bucket as a host reaches it. */
const hostPlace = {
  bucket: bucketName.check(z.describe('Its name.')),
  endpoint: z.optional(httpUrl).describe('Absent: AWS.'),
  region: z.string().min(1).default('us-east-1').describe('Of the bucket; signatures name it.'),
  type: z
    .enum(STORE_TYPES)
    .optional()
    .describe('Absent: `aws` without an endpoint, else `other`. It decides what is not set here.'),
  addressing: z
    .enum(['path', 'virtual'])
    .optional()
    .describe(
      '`path`: the bucket is in the path of URLs; `virtual`: in the host name. Absent: what stores of the type want.',
    ),
  ...credentialFields,
};
const hostPlaceSchema = z.strictObject(hostPlace);

const bucketDestination = z.strictObject({
  name: name.check(z.describe('In logs, metrics and commands.')),
  ...hostPlace,
  prefix: z.string().default('').describe('Keys at the destination start with it.'),
  deletes: z
    .boolean()
    .default(true)
    .describe(
      'Whether deletes at the source are carried out here too (only after HEAD says that the source has lost the object).',
    ),
  guard: deleteGuard.check(z.describe('More deletes than this wait for `sluice-agent approve-deletes`.')),
  tags: z
    ._default(autoOrBoolean, 'auto')
    .describe('Whether object tags travel; `auto`: where stores of that type keep them.'),
  createBucket: z.boolean().default(false).describe('Whether the bucket is made when it is not there.'),
});

export const bucketSchema = z.strictObject({
  name: name.check(z.describe('Of the bucket, in logs, metrics and commands.')),
  source: hostPlaceSchema.describe('The bucket that is mirrored.'),
  prefix: z.string().default('').describe('Only keys that start with it are mirrored; they keep it.'),
  destinations: z
    .array(bucketDestination)
    .min(1, { error: 'at least one destination' })
    .describe('Where it is mirrored to.'),
  interval: z
    .prefault(upToADay, '30m')
    .describe('Time between full comparisons, for what notifications do not tell.'),
  notifications: z
    .union(
      [
        z.enum(['auto', 'off']),
        z.strictObject({
          webhook: z
            .string()
            .regex(/^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/)
            .refine(hasPort)
            .describe('Address where its webhook is taken.'),
          tokenVariable: z.string().min(1).describe('Environment variable with the token that it sends.'),
        }),
      ],
      { error: 'auto, off, or webhook: with an address such as 0.0.0.0:9555, and tokenVariable' },
    )
    .default('auto')
    .describe(
      'How changes are told of as they happen. `auto`: the source is listened to, where it can tell (MinIO). Or the address where its webhook is taken, and the variable with the token that it sends.',
    ),
  enabled: z.boolean().default(true).describe('`false`: nothing is compared, copied or deleted.'),
  concurrency: z.int().min(1).max(256).default(8).describe('Objects in work at once, for each destination.'),
  retry: z
    .strictObject({
      attempts: z.int().min(1).max(1_000_000).default(3).describe('In all, the first included.'),
      delay: z
        .prefault(
          durationMs.check(z.refine((ms) => ms <= DAY_MS, { error: 'a duration of at most 24h' })),
          '60s',
        )
        .describe('Between attempts.'),
    })
    .prefault({})
    .describe('Of one object; then it is parked until the next full comparison or `sluice-agent retry`.'),
});

export type HostPlace = z.output<typeof hostPlaceSchema>;
export type BucketDestination = z.output<typeof bucketDestination>;
export type BucketSettings = z.output<typeof bucketSchema>;

export interface BucketProblem {
  path: (string | number)[];
  expected: string;
  found: unknown;
}

type Place = Pick<HostPlace, 'bucket' | 'endpoint' | 'region'>;
interface Folders {
  store: Place | undefined;
  folders: readonly { name: string; prefix: string }[];
}

/** What is wrong between buckets, and with the folders beside them, as paths below `buckets`. */
export function problemsOfBuckets(
  buckets: readonly BucketSettings[],
  { store, folders }: Folders,
): BucketProblem[] {
  const problems: BucketProblem[] = [];
  const seen: { bucket: string; target: BucketDestination; prefix: string }[] = [];
  for (const [index, one] of buckets.entries()) {
    if (buckets.slice(0, index).some((other) => other.name === one.name)) {
      problems.push({ path: [index, 'name'], expected: 'a name that no other bucket has', found: one.name });
    }
    if (folders.some((folder) => folder.name === one.name)) {
      problems.push({ path: [index, 'name'], expected: 'a name that no folder has', found: one.name });
    }
    if (isBucketInUrl(one.source)) {
      const path = [index, 'source', 'endpoint'];
      problems.push({ path, expected: URL_WITHOUT_BUCKET, found: one.source.endpoint });
    }
    for (const [at, target] of one.destinations.entries()) {
      const path = [index, 'destinations', at];
      if (one.destinations.slice(0, at).some((other) => other.name === target.name)) {
        const expected = 'a name that no other destination of the bucket has';
        problems.push({ path: [...path, 'name'], expected, found: target.name });
      }
      if (isBucketInUrl(target)) {
        problems.push({ path: [...path, 'endpoint'], expected: URL_WITHOUT_BUCKET, found: target.endpoint });
      }
      const around = aroundAgain(one, target, buckets);
      if (around !== undefined) {
        problems.push({ path: [...path, 'bucket'], expected: around, found: target.bucket });
      }
      const prefix = target.prefix + one.prefix;
      const rival = seen.find((other) => isPlace(other.target, target) && overlaps(other.prefix, prefix));
      if (rival !== undefined) {
        const expected = `a place apart from destination ${rival.target.name} of ${rival.bucket}: each would delete what the other copies`;
        problems.push({ path: [...path, 'prefix'], expected, found: target.prefix });
      }
      seen.push({ bucket: one.name, target, prefix });
      if (store === undefined || !isPlace(target, store)) continue;
      const folder = folders.find((other) => overlaps(other.prefix, prefix));
      if (folder !== undefined) {
        const expected = `a prefix apart from that of folder ${folder.name}, which has the same bucket`;
        problems.push({ path: [...path, 'prefix'], expected, found: target.prefix });
      }
    }
  }
  return problems;
}

/** Whether what is written to the destination comes back to the source, also through other buckets. */
function aroundAgain(
  from: BucketSettings,
  target: BucketDestination,
  buckets: readonly BucketSettings[],
): string | undefined {
  if (isPlace(target, from.source)) {
    return 'a bucket other than its source: it would be mirrored into itself';
  }
  const reached: HostPlace[] = [target];
  // Grows while it is read.
  for (const place of reached) {
    for (const next of buckets.filter(({ source }) => isPlace(source, place))) {
      for (const further of next.destinations) {
        if (isPlace(further, from.source)) {
          return `a bucket that is not mirrored back: ${next.name} brings its objects to the source again`;
        }
        if (!reached.some((known) => isPlace(known, further))) reached.push(further);
      }
    }
  }
  return undefined;
}

function isPlace(left: Place, right: Place): boolean {
  return samePlace(placeOf(left), placeOf(right));
}

function placeOf({ bucket, endpoint, region }: Place) {
  return { bucket, endpoint, region };
}
