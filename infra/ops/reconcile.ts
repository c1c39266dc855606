/** `ops reconcile`: hub, ledger and destinations are compared now. */

import type { ReconcileResult } from '#core/controls.ts';
import { REPORT_PREFIX } from '#core/names.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { failureText } from './failure.ts';
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

/** Of a run that did not come to its end nothing but the error is known. */
type Outcome = { name: string } & (ReconcileResult | { error: string });

export const reconcile: Command = {
  usage: '[ledger|DESTINATION] [--dry-run] [--wait]',
  summary: 'compare hub, ledger and destinations now, and mend what differs',
  details: `Without a name: the ledger, then every destination. --dry-run changes nothing and prints the plan, one line for each
difference. --wait returns when the runs have ended; what they found is then on its way through the queues. With --json both
print a list of the runs, each with its name, what it counted, its error if it failed, and the plan of a dry run.

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
    let failed = false;
    if (ops.json) ops.terminal.print('[');
    for (const [index, one] of chosen.entries()) {
      const outcome = await outcomeOf(ops, one, dryRun);
      failed ||= outcome.error !== undefined || ('held' in outcome && outcome.held > 0);
      const plan = dryRun && 'runId' in outcome ? planLines(ops, outcome.runId) : undefined;
      if (ops.json) await printJson(ops, outcome, plan, index < chosen.length - 1);
      else await printText(ops, outcome, plan);
    }
    if (ops.json) ops.terminal.print(']');
    return failed ? FAILED : DONE;
  },
};

function choose(ops: Ops, name: string | undefined): Reconciler[] {
  const all = reconcilersOf(ops);
  const chosen =
    name === undefined ? all : all.filter((one) => [one.name, reconcilerName(one)].includes(name));
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `there is no ${name ?? 'ledger'} to reconcile in ${ops.stack.name}; there are ${all.map(reconcilerName).join(', ')}`,
  );
}

/** One run that cannot be made keeps no other from being made. */
async function outcomeOf(ops: Ops, reconciler: Reconciler, dryRun: boolean): Promise<Outcome> {
  const name = reconcilerName(reconciler);
  try {
    return { name, ...(await runToEnd(ops, reconciler, dryRun)) };
  } catch (error) {
    const text = failureText(error);
    if (text === undefined) throw error;
    ops.terminal.note(`${name}: ${text}`);
    return { name, error: text };
  }
}

/** Lines `{key, do, reason}` of JSON. */
async function* planLines({ clients, stack }: Ops, runId: string): AsyncGenerator<string> {
  const reports = reportsStore(clients, stack.reportsBucket);
  for await (const key of reports.keys(`${REPORT_PREFIX.reconcile}${runId}/plan`)) {
    yield* ((await reports.text(key)) ?? '').split('\n').filter((line) => line !== '');
  }
}

/** A member of the list, line by line: a plan may be longer than a text can be. */
async function printJson(
  { terminal }: Ops,
  outcome: Outcome,
  plan: AsyncIterable<string> | undefined,
  more: boolean,
): Promise<void> {
  const text = JSON.stringify(outcome, undefined, 2);
  const end = more ? ',' : '';
  if (plan === undefined) return terminal.print(`${text}${end}`);
  terminal.print(`${text.slice(0, -'\n}'.length)},\n  "plan": [`);
  let before = '';
  for await (const line of plan) {
    terminal.print(`${before}${line}`);
    before = ',';
  }
  terminal.print(`]}${end}`);
}

async function printText(
  { terminal }: Ops,
  outcome: Outcome,
  plan: AsyncIterable<string> | undefined,
): Promise<void> {
  const { name } = outcome;
  for await (const line of plan ?? []) {
    const { key = '', do: what, reason } = JSON.parse(line) as Record<string, string>;
    terminal.print(`${name}  ${what}  ${printable(key)}  (${reason})`);
  }
  if ('runId' in outcome) terminal.note(resultText(name, outcome));
}
