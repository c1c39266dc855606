/** `ops initial-sync`: everything that is in the hub reaches the ledger, every destination and the file manager. */

import { countText, spanText } from '#core/amounts.ts';
import type { ReconcileResult } from '#core/controls.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import type { Consumer } from './consumers.ts';
import { deadLettersOf, drain } from './drain.ts';
import { durationOption } from './duration-option.ts';
import { switchesOf } from './mappings.ts';
import { reconcilerName, reconcilersOf, resultText, runToEnd } from './reconcile-run.ts';
import { reportNow } from './report-run.ts';
import { printable } from './table.ts';

export const initialSync: Command = {
  usage: '[--settle 60s]',
  summary: 'bring everything in the hub to the ledger, the destinations and the file manager',
  details: `Compares the hub with the ledger and every destination, and waits until all that differs is done: until every queue
has been empty for --settle. Then the state of the ledger is written as CSV. It can be stopped and started again at any
time; what is done is not done twice.
Ends with 1 when deletes are held, a message gave up, or a destination is paused.

  ops initial-sync`,
  options: { settle: { type: 'string' } },
  words: { min: 0, max: 0 },
  on: 'stack',
  async run(ops, _words, { settle = '60s' }) {
    const { terminal, json, nowMs, stack } = ops;
    const settleMs = durationOption('settle', String(settle));
    const startedMs = nowMs();
    const { working, paused } = await workers(ops);
    const before = await deadLettersOf(ops, working);
    const runs: ({ name: string } & ReconcileResult)[] = [];
    for (const reconciler of reconcilersOf(ops)) {
      if (paused.includes(reconciler.name) || rests(stack, reconcilerName(reconciler), paused)) continue;
      const result = await runToEnd(ops, reconciler, false);
      runs.push({ name: reconcilerName(reconciler), ...result });
      if (!json) terminal.print(resultText(reconcilerName(reconciler), result));
    }
    await drain(ops, working, settleMs);
    const gaveUp = grown(before, await deadLettersOf(ops, working));
    const { files, errors } = await reportNow(ops, { full: true });
    const durationMs = nowMs() - startedMs;
    if (json) {
      terminal.print(
        JSON.stringify(
          { runs, gaveUp: Object.fromEntries(gaveUp), paused, state: files.full, errors, durationMs },
          undefined,
          2,
        ),
      );
    } else {
      for (const [name, count] of gaveUp) {
        terminal.print(
          `${name}: ${countText(count)} messages gave up; ops logs shows why, ops redrive ${name} tries again`,
        );
      }
      for (const name of paused) terminal.print(`${name} is paused: ops resume ${name}`);
      for (const { name, held } of runs) {
        if (held > 0)
          terminal.print(`${name}: ${countText(held)} deletes are held; ops approve ${name} shows them`);
      }
      for (const error of errors) terminal.print(`the report failed in part: ${printable(error)}`);
      // A ledger of many millions takes more than one run: the next ones go on with it.
      const state =
        files.full === undefined
          ? 'the state is not written yet'
          : `s3://${stack.reportsBucket}/${files.full}`;
      terminal.print(`state: ${state}`);
      terminal.print(`done in ${spanText(durationMs)}`);
    }
    const failed = runs.some(({ error, held }) => error !== undefined || held > 0);
    return failed || gaveUp.length > 0 || paused.length > 0 || errors.length > 0 ? FAILED : DONE;
  },
};

/** Switched off in sluice.yaml and nowhere else: not even its bucket is to be made. */
function rests({ destinations }: Ops['stack'], name: string, paused: readonly string[]): boolean {
  const isOff = destinations.some((one) => one.name === name && !one.enabled);
  return isOff && paused.includes(`mirror-${name}`);
}

/** The consumers with a function that works; a host's agent empties its queue when it runs. */
export async function workers(ops: Ops): Promise<{ working: Consumer[]; paused: string[] }> {
  const working: Consumer[] = [];
  const paused: string[] = [];
  for (const consumer of ops.stack.consumers) {
    if (consumer.functionName === undefined || consumer.queueUrl === undefined) continue;
    const switches = await switchesOf(ops.clients, consumer.functionName);
    if (switches.some((one) => one.paused)) paused.push(consumer.name);
    else working.push(consumer);
  }
  return { working, paused };
}

function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): [string, number][] {
  return [...after]
    .map(([name, count]): [string, number] => [name, count - (before.get(name) ?? 0)])
    .filter(([, count]) => count > 0);
}
