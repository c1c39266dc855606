/** `ops incremental-sync`: what has happened is done and reported, now instead of at the next scheduled report. */
import { z } from 'zod';
import { countText, durationOption } from './amounts.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { drain } from './drain.ts';
import { workers } from './initial-sync.ts';
import { invoke } from './invoke.ts';
import { printable, table } from './table.ts';
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
type Result = z.output<typeof result>;
/** Another run is under way; a schedule started it. */
const skipped = z.object({ skipped: z.string() });

export const incrementalSync: Command = {
  usage: '[--settle 10s] [--full]',
  summary: 'wait until all events are replayed and delivered, then report what changed',
  details: `Waits until every queue has been empty for --settle, runs the state report and prints what it found. What was changed
within the last minutes may be told by the next report only. --full also writes the whole state.

  ops incremental-sync`,
  options: { settle: { type: 'string' }, full: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  on: 'stack',
  async run(ops, _words, { settle = '10s', full }) {
    const { stack, terminal, json } = ops;
    const functionName = stack.outputs.StateReport;
    if (functionName === undefined)
      throw new UsageError(`${stack.name} has no state report: deploy it again`);
    const { working, paused } = await workers(ops);
    await drain(ops, working, durationOption('settle', String(settle)));
    const found = await report(ops, functionName, full === true ? { full: true } : {});
    terminal.print(json ? JSON.stringify(found, undefined, 2) : resultText(found, stack.outputs.ReportsName));
    for (const name of paused) terminal.note(`${name} is paused and was not waited for: ops resume ${name}`);
    return paused.length > 0 || found.errors.length > 0 ? FAILED : DONE;
  },
};

/** One run of its own: one that was under way may have begun before the last of the changes. */
async function report(ops: Ops, functionName: string, event: object): Promise<Result> {
  for (;;) {
    ops.terminal.progress('the report is written');
    const answer = await invoke(ops.clients, functionName, event);
    const waits = skipped.safeParse(answer);
    ops.terminal.progress(waits.success ? waits.data.skipped : undefined);
    if (!waits.success) return result.parse(answer);
    await ops.delay(ops.pollMs);
  }
}

function resultText({ changes, files, errors }: Result, bucket = ''): string {
  const written = [...files.diffs, files.full, files.drift, files.html].filter((key) => key !== undefined);
  return table([
    ...Object.entries(changes).map(([kind, count]) => [kind, countText(count)]),
    ...written.map((key) => ['written', `s3://${bucket}/${key}`]),
    ...errors.map((error) => ['failed', printable(error)]),
  ]);
}
