/** One rule of what age removes from the hub. */
import * as z from '../schema.ts';
import { name } from './destination.ts';
import { durationMs } from './duration.ts';

const bytes = z.int().check(z.minimum(0));
const retentionRule = z.strictObject({
  name: name.check(z.describe('In the records of removals.')),
  prefix: z._default(z.string(), '').check(z.describe('Only keys below it.')),
  olderThan: durationMs.check(z.describe('By the clock of the store.')),
  minBytes: z.optional(bytes).check(z.describe('Only objects of that size or more.')),
  maxBytes: z.optional(bytes).check(z.describe('Only objects of that size or less.')),
  tags: z
    ._default(z.record(z.string().check(z.minLength(1)), z.string()), {})
    .check(z.describe('Only objects that carry each of these tags.')),
  requires: z
    ._default(z.enum(['nothing', 'mirrored', 'delivered']), 'mirrored')
    .check(
      z.describe(
        '`mirrored`: only objects whose present ETag every destination has confirmed. `delivered`: only those that the file manager has.',
      ),
    ),
  maxRemovals: z
    ._default(z.int().check(z.positive()), 1000)
    .check(z.describe('A run stops after so many removals.')),
  dryRun: z._default(z.boolean(), false).check(z.describe('Record what would go, remove nothing.')),
});

export type RetentionRule = z.output<typeof retentionRule>;
export const retentionRules = z.array(retentionRule);
