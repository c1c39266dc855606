/** What is kept of retention between its runs. */
import * as z from './schema.ts';

const result = z.object({
  runId: z.string(),
  /** Key of the record in the reports bucket. */
  record: z.string(),
  startedMs: z.number(),
  endedMs: z.number(),
  removed: z.number(),
  removedBytes: z.number(),
  wouldRemove: z.number(),
  /** Candidates that HEAD or their tags saved. */
  kept: z.number(),
  dryRun: z.boolean(),
  /** Rules that reached their cap: the next run goes on with them where this one ended. */
  capped: z.array(z.string()),
  /** Whether every entry of the ledger was looked at. */
  complete: z.boolean(),
  /** Up to this key it was, where it was not complete. */
  stoppedAt: z.optional(z.string()),
  error: z.optional(z.string()),
});
export type RetentionResult = z.output<typeof result>;

export const retentionState = z.object({
  /** By the name of a rule: the key after which its next run goes on; absent: from the beginning. */
  after: z.record(z.string(), z.string()),
  last: z.optional(result),
});
export type RetentionState = z.output<typeof retentionState>;
