/** One rule of what age removes from the hub. */
import * as z from 'zod';
import { name } from './destination.ts';
import { durationMs } from './duration.ts';

const retentionRule = z.strictObject({
  name: name.describe('In the records of removals.'),
  prefix: z.string().default('').describe('Only keys below it.'),
  olderThan: durationMs.describe('By the clock of the store.'),
  minBytes: z.int().min(0).optional().describe('Only objects of that size or more.'),
  maxBytes: z.int().min(0).optional().describe('Only objects of that size or less.'),
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Only objects that carry each of these tags.'),
  requires: z
    .enum(['nothing', 'mirrored', 'delivered'])
    .default('mirrored')
    .describe(
      '`mirrored`: only objects whose present ETag every destination has confirmed. `delivered`: only those that the file manager has.',
    ),
  maxRemovals: z.int().positive().default(1000).describe('A run stops after so many removals.'),
  dryRun: z.boolean().default(false).describe('Record what would go, remove nothing.'),
});

export type RetentionRule = z.output<typeof retentionRule>;
export const retentionRules = z.array(retentionRule);
