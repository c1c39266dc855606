/** `ops approve`: lets the deletes through that the guard of a destination holds. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { countText } from '#core/amounts.ts';
import { CONTROL, type HeldDeletes, heldDeletes, heldSince, readControl } from '#core/controls.ts';
import { deletesPrefix, reconcileText } from '#core/reconcile-message.ts';
import { timeText } from '#core/time-text.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { controlReader } from './ledger-table.ts';
import { reconcilerName, reconcilersOf } from './reconcile-run.ts';
import { reportsStore } from './stores.ts';
import { printable } from './table.ts';
import { UsageError } from './usage-error.ts';

const SHOWN = 20;

export const approve: Command = {
  usage: 'DESTINATION [--yes]',
  summary: 'let the deletes through that the guard of a destination holds',
  details: `Shows how many are held, since when and why, and the first ${SHOWN} of them; asks before it lets them go, unless --yes.
Each is looked at once more: what is back in the hub stays.

  ops approve site-b`,
  options: { yes: { type: 'boolean' } },
  words: { min: 1, max: 1 },
  on: 'stack',
  async run(ops, [name = ''], { yes }) {
    const { clients, stack, terminal, json } = ops;
    const isDestination = stack.destinations.some((one) => one.name === name);
    const reconciler = reconcilersOf(ops).find((one) => reconcilerName(one) === name);
    if (reconciler === undefined || !isDestination) {
      const known = stack.destinations.map((one) => one.name).join(', ') || 'none';
      throw new UsageError(`${name} is no destination of ${stack.name}; there are ${known}`);
    }
    const { value: held } = await readControl(
      controlReader(clients, stack.ledgerTable),
      CONTROL.held(name),
      heldDeletes,
    );
    if (held === undefined || held.count === 0) {
      terminal.print(json ? JSON.stringify({ destination: name, approved: 0 }) : `${name}: nothing is held`);
      return DONE;
    }
    await describe(ops, name, held);
    if (held.runId === undefined) {
      terminal.note(
        `They came as events and are not listed yet: ops reconcile ${name} --wait, then approve.`,
      );
      return FAILED;
    }
    if (yes !== true) {
      const answer = await terminal.ask(`Delete them at ${name}? Type yes: `);
      if (answer?.trim() !== 'yes') {
        terminal.note(
          answer === undefined
            ? 'nobody to ask: nothing was approved; --yes approves'
            : 'nothing was approved',
        );
        return FAILED;
      }
    }
    const approved = held.count - heldSince(held.everHeld, held.listed);
    await clients.sqs().send(
      new SendMessageCommand({
        QueueUrl: reconciler.queueUrl,
        MessageBody: reconcileText({ approve: held.runId }),
      }),
    );
    terminal.print(
      json
        ? JSON.stringify({ destination: name, approved, runId: held.runId })
        : `${name}: ${countText(approved)} deletes approved, on their way`,
    );
    return DONE;
  },
};

async function describe({ clients, stack, terminal }: Ops, name: string, held: HeldDeletes): Promise<void> {
  const since = timeText(held.sinceMs, stack.timezone);
  terminal.note(`${name}: ${countText(held.count)} deletes held since ${since}: ${held.reason}`);
  if (held.runId === undefined) return;
  const reports = reportsStore(clients, stack.reportsBucket);
  let shown = 0;
  for await (const key of reports.keys(deletesPrefix(held.runId))) {
    for (const line of ((await reports.text(key)) ?? '').split('\n')) {
      if (line === '') continue;
      if (shown++ === SHOWN) return terminal.note(`  … ${countText(held.count - SHOWN)} more`);
      const { key: object, reason } = JSON.parse(line) as Record<string, string>;
      terminal.note(`  ${printable(object ?? '')}${reason === undefined ? '' : `  (${reason})`}`);
    }
  }
}
