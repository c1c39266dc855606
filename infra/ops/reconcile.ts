/** `ops reconcile`: hub, ledger and destinations are compared now. */
import type { ReconcileResult } from '#core/controls.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import {
  type Reconciler,
  reconcilerName,
  reconcilersOf,
  resultText,
  runToEnd,
  startRun,
} from './reconcile-run.ts';
import { reportsStore } from './stores.ts';
import { printable } from './table.ts';
import { UsageError } from './usage-error.ts';

export const reconcile: Command = {
  usage: '[ledger|DESTINATION] [--dry-run] [--wait]',
  summary: 'compare hub, ledger and destinations now, and mend what differs',
  details: `Without a name: the ledger, then every destination. --dry-run changes nothing and prints the plan, one line for each
difference. --wait returns when the runs have ended; what they found is then on its way through the queues.

  ops reconcile --wait
  ops reconcile site-b --dry-run`,
  options: { 'dry-run': { type: 'boolean' }, wait: { type: 'boolean' } },
  words: { min: 0, max: 1 },
  on: 'stack',
  async run(ops, [name], options) {
    const dryRun = options['dry-run'] === true;
    const chosen = choose(ops, name);
    if (options.wait !== true && !dryRun) {
      for (const one of chosen) await startRun(ops, one, false);
      const started = chosen.map(reconcilerName);
      if (ops.json) ops.terminal.print(JSON.stringify({ started }));
      else ops.terminal.print(`started: ${started.join(', ')}; ops status shows how it went`);
      return DONE;
    }
    const results: ({ name: string } & ReconcileResult)[] = [];
    for (const one of chosen) {
      const result = await runToEnd(ops, one, dryRun);
      results.push({ name: reconcilerName(one), ...result });
      if (dryRun) await printPlan(ops, result.runId);
      if (!ops.json) ops.terminal.note(resultText(reconcilerName(one), result));
    }
    if (ops.json && !dryRun) ops.terminal.print(JSON.stringify(results, undefined, 2));
    return results.some(({ error, held }) => error !== undefined || held > 0) ? FAILED : DONE;
  },
};

function choose(ops: Ops, name: string | undefined): Reconciler[] {
  const all = reconcilersOf(ops);
  const chosen =
    name === undefined ? all : all.filter((one) => [one.name, reconcilerName(one)].includes(name));
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `${name ?? 'nothing'} can be reconciled in ${ops.stack.name}; there are ${all.map(reconcilerName).join(', ')}`,
  );
}

/** Lines `{key, do, reason}`; with --json as they are. */
async function printPlan({ clients, stack, terminal, json }: Ops, runId: string): Promise<void> {
  const reports = reportsStore(clients, stack.reportsBucket);
  for await (const key of reports.keys(`${REPORT_PREFIX.reconcile}${runId}/plan`)) {
    for (const line of ((await reports.text(key)) ?? '').split('\n')) {
      if (line === '') continue;
      if (json) {
        terminal.print(line);
      } else {
        const { key: object, do: what, reason } = JSON.parse(line) as Record<string, string>;
        terminal.print(`${what}  ${printable(object ?? '')}  (${reason})`);
      }
    }
  }
}
