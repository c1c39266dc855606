/** One run of the state report, started by hand. */
import * as z from 'zod';
import type { Ops } from './command.ts';
import { invoke } from './invoke.ts';
import { UsageError } from './usage-error.ts';

/** What is read of the answer of the state report; `--json` has all of it. */
const result = z.looseObject({
  changes: z.record(z.string(), z.number()),
  files: z.object({
    diffs: z.array(z.string()),
    full: z.string().optional(),
    drift: z.string().optional(),
    html: z.string(),
  }),
  errors: z.array(z.string()),
});
export type ReportRun = z.output<typeof result>;
/** Another run is under way; a schedule started it. */
const skipped = z.object({ skipped: z.string() });

/**
 * A run of its own: one that was under way may have begun before the last of the changes.
 *
 * @param full whether the whole state is written too
 */
export async function reportNow(ops: Ops, { full }: { full: boolean }): Promise<ReportRun> {
  const { stack, terminal } = ops;
  const functionName = stack.outputs.StateReport;
  if (functionName === undefined) throw new UsageError(`${stack.name} has no state report: deploy it again`);
  for (;;) {
    terminal.progress('the report is written');
    const answer = await invoke(ops.clients, functionName, { now: true, ...(full ? { full } : {}) });
    const waits = skipped.safeParse(answer);
    terminal.progress(waits.success ? waits.data.skipped : undefined);
    if (!waits.success) return result.parse(answer);
    await ops.delay(ops.pollMs);
  }
}
