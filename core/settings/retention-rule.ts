/** One rule of what age removes from the hub. */
import { z } from 'zod';
import { name } from './destination.ts';
import { durationMs } from './duration.ts';

const retentionRule = z.strictObject({
  name,
  /** Only keys below it. */
  prefix: z.string().default(''),
  olderThan: durationMs,
  minBytes: z.int().min(0).optional(),
  maxBytes: z.int().min(0).optional(),
  /** Only objects that carry each of these tags. */
  tags: z.record(z.string().min(1), z.string()).default({}),
  /**
   * `mirrored`: only objects whose present ETag every destination has confirmed. `delivered`: only those that the file
   * manager has.
   */
  requires: z.enum(['nothing', 'mirrored', 'delivered']).default('mirrored'),
  /** A run stops after so many removals. */
  maxRemovals: z.int().positive().default(1000),
  dryRun: z.boolean().default(false),
});

export type RetentionRule = z.output<typeof retentionRule>;
export const retentionRules = z.array(retentionRule);
