/** One store that the hub is mirrored to. */
import * as z from '../schema.ts';
import { durationMs, minutesOrOff } from './duration.ts';
import { bucketName, kmsKeyArn, storePlace } from './store-place.ts';

export const name = z
  .string()
  .check(
    z.regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' }),
  );

/** What the type of the store decides, or the person. */
export const autoOrBoolean = z.union([z.literal('auto'), z.boolean()], { error: 'auto, true or false' });

/** More deletes than this within the window look like a catastrophe and wait for a person. */
export const deleteGuard = z.prefault(
  z.strictObject({
    share: z
      ._default(z.number().check(z.minimum(0), z.maximum(1)), 0.5)
      .check(z.describe('Of the objects known when the window began.')),
    count: z._default(z.int().check(z.minimum(0)), 1000).check(z.describe('So many at most.')),
    shareFrom: z
      ._default(z.int().check(z.minimum(0)), 10)
      .check(
        z.describe(
          'Up to so many deletes the share does not count: half of three objects is no catastrophe.',
        ),
      ),
    window: z.prefault(durationMs, '1h').check(z.describe('Counted over so long.')),
  }),
  {},
);

export const destinationSchema = z.strictObject({
  name: name.check(z.describe('In logs, metrics, outputs and commands.')),
  bucket: bucketName.check(z.describe('Its name.')),
  ...storePlace,
  kmsKey: z
    .optional(kmsKeyArn)
    .check(z.describe('ARN of the KMS key that the bucket on AWS encrypts with by itself; absent: SSE-S3.')),
  prefix: z._default(z.string(), '').check(z.describe('Keys at the destination start with it.')),
  deletes: z
    ._default(z.boolean(), true)
    .check(
      z.describe(
        'Whether deletes in the hub are carried out here too (only after HEAD says that the hub has lost the object).',
      ),
    ),
  guard: deleteGuard.check(z.describe('More deletes than this wait for `ops approve`.')),
  tags: z
    ._default(autoOrBoolean, 'auto')
    .check(z.describe('Whether object tags travel; `auto`: where stores of that type keep them.')),
  createBucket: z
    ._default(z.boolean(), false)
    .check(z.describe('Whether the bucket is made when it is not there.')),
  enabled: z
    ._default(z.boolean(), true)
    .check(z.describe('`false`: events wait in the queue, up to 14 days, and nothing is copied.')),
  concurrency: z
    ._default(z.int().check(z.minimum(2), z.maximum(1000)), 10)
    .check(
      z.describe(
        'Messages in work at once, to spare the store; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html',
      ),
    ),
  reconcile: z
    .prefault(minutesOrOff, '1d')
    .check(z.describe('How often the two listings are compared, for what events did not tell.')),
});

export type Destination = z.output<typeof destinationSchema>;
