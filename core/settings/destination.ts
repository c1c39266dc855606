/** One store that the hub is mirrored to. */
import { z } from 'zod';
import { durationMs, minutesOrOff } from './duration.ts';
import { bucketName, storePlace } from './store-place.ts';

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' });

/** More deletes than this within the window look like a catastrophe and wait for a person. */
export const deleteGuard = z
  .strictObject({
    /** Of the objects known when the window began. */
    share: z.number().min(0).max(1).default(0.5),
    count: z.int().min(0).default(1000),
    /** Up to so many deletes the share does not count: half of three objects is no catastrophe. */
    shareFrom: z.int().min(0).default(10),
    window: durationMs.prefault('1h'),
  })
  .prefault({});

export const destinationSchema = z.strictObject({
  name,
  bucket: bucketName,
  ...storePlace,
  /** Keys at the destination start with it. */
  prefix: z.string().default(''),
  /** Whether deletes in the hub are carried out here too (only after HEAD says that the hub has lost the object). */
  deletes: z.boolean().default(true),
  guard: deleteGuard,
  /** Whether object tags travel; `auto`: where stores of that type keep them. */
  tags: z.union([z.literal('auto'), z.boolean()]).default('auto'),
  /** Whether the bucket is made when it is not there. */
  createBucket: z.boolean().default(false),
  /** `false`: events wait in the queue, up to 14 days, and nothing is copied. */
  enabled: z.boolean().default(true),
  /** Messages in work at once, to spare the store; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  concurrency: z.int().min(2).max(1000).default(10),
  /** How often the two listings are compared, for what events did not tell. */
  reconcile: minutesOrOff.prefault('1d'),
});

export type Destination = z.output<typeof destinationSchema>;
