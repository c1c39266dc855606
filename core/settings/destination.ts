/** One store that the hub is mirrored to. */
import * as z from 'zod';
import { durationMs, minutesOrOff } from './duration.ts';
import { bucketName, storePlace } from './store-place.ts';

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' });

/** More deletes than this within the window look like a catastrophe and wait for a person. */
export const deleteGuard = z
  .strictObject({
    share: z.number().min(0).max(1).default(0.5).describe('Of the objects known when the window began.'),
    count: z.int().min(0).default(1000).describe('So many at most.'),
    shareFrom: z
      .int()
      .min(0)
      .default(10)
      .describe('Up to so many deletes the share does not count: half of three objects is no catastrophe.'),
    window: durationMs.prefault('1h').describe('Counted over so long.'),
  })
  .prefault({});

export const destinationSchema = z.strictObject({
  name: name.describe('In logs, metrics, outputs and commands.'),
  bucket: bucketName.describe('Its name.'),
  ...storePlace,
  prefix: z.string().default('').describe('Keys at the destination start with it.'),
  deletes: z
    .boolean()
    .default(true)
    .describe(
      'Whether deletes in the hub are carried out here too (only after HEAD says that the hub has lost the object).',
    ),
  guard: deleteGuard.describe('More deletes than this wait for `ops approve`.'),
  tags: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe('Whether object tags travel; `auto`: where stores of that type keep them.'),
  createBucket: z.boolean().default(false).describe('Whether the bucket is made when it is not there.'),
  enabled: z
    .boolean()
    .default(true)
    .describe('`false`: events wait in the queue, up to 14 days, and nothing is copied.'),
  concurrency: z
    .int()
    .min(2)
    .max(1000)
    .default(10)
    .describe(
      'Messages in work at once, to spare the store; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html',
    ),
  reconcile: minutesOrOff
    .prefault('1d')
    .describe('How often the two listings are compared, for what events did not tell.'),
});

export type Destination = z.output<typeof destinationSchema>;
