/** `ops incremental-sync`: what has happened is done and reported, now instead of at the next scheduled report. */
import { countText } from '#core/amounts.ts';
import { type Command, DONE, FAILED } from './command.ts';
import { drain } from './drain.ts';
import { durationOption } from './duration-option.ts';
import { workers } from './initial-sync.ts';
import { type ReportRun, reportNow } from './report-run.ts';
import { printable, table } from './table.ts';

export const incrementalSync: Command = {
  usage: '[--settle 10s] [--full]',
  summary: 'wait until all events are replayed and delivered, then report what changed',
  details: `Waits until every queue has been empty for --settle, runs the state report and prints what it found. What was changed
within the last minutes is told again by the next report. --full also writes the whole state.

  ops incremental-sync`,
  options: { settle: { type: 'string' }, full: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  on: 'stack',
  async run(ops, _words, { settle = '10s', full }) {
    const { stack, terminal, json } = ops;
    const { working, paused } = await workers(ops);
    await drain(ops, working, durationOption('settle', String(settle)));
    const found = await reportNow(ops, { full: full === true });
    terminal.print(json ? JSON.stringify(found, undefined, 2) : resultText(found, stack.outputs.ReportsName));
    for (const name of paused) terminal.note(`${name} is paused and was not waited for: ops resume ${name}`);
    return paused.length > 0 || found.errors.length > 0 ? FAILED : DONE;
  },
};

function resultText({ changes, files, errors }: ReportRun, bucket = ''): string {
  const written = [...files.diffs, files.full, files.drift, files.html].filter((key) => key !== undefined);
  return table([
    ...Object.entries(changes).map(([kind, count]) => [kind, countText(count)]),
    ...written.map((key) => ['written', `s3://${bucket}/${key}`]),
    ...errors.map((error) => ['failed', printable(error)]),
  ]);
}
