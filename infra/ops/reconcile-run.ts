/** Starts a reconcile run and follows it to its end. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { countText, spanText } from '#core/amounts.ts';
import {
  CONTROL,
  type ReconcileResult,
  type ReconcileState,
  readControl,
  reconcileState,
} from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import { reconcileText } from '#core/reconcile-message.ts';
import type { Ops } from './command.ts';
import type { Consumer } from './consumers.ts';
import { controlReader } from './ledger-table.ts';
import { switchesOf } from './mappings.ts';
import { queueDepth, total } from './queues.ts';

/** A consumer that has the queue of a reconcile. */
export type Reconciler = Consumer & { queueUrl: string };

/** `reconcile-ledger` -> `ledger`, the name in its control. */
export function reconcilerName({ name }: Consumer): string {
  return name.replace(/^reconcile-/, '');
}

/** The ledger first: the others are compared with what it then knows. */
export function reconcilersOf({ stack }: Ops): Reconciler[] {
  return stack.consumers
    .flatMap((one) =>
      one.queueUrl !== undefined && one.name.startsWith('reconcile-')
        ? [{ ...one, queueUrl: one.queueUrl }]
        : [],
    )
    .sort((left, right) => Number(right.name === LEDGER_RUN) - Number(left.name === LEDGER_RUN));
}

const LEDGER_RUN = 'reconcile-ledger';

export async function startRun({ clients }: Ops, { queueUrl }: Reconciler, dryRun: boolean): Promise<void> {
  const MessageBody = reconcileText(dryRun ? { dryRun } : {});
  await clients.sqs().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
}

/**
 * One whole run, begun after this call. A run that is going on is waited for first: it saw the beginning of the
 * listings when they were different.
 *
 * @throws SyncError when the run gave up, or when its consumer is paused
 */
export async function runToEnd(ops: Ops, reconciler: Reconciler, dryRun: boolean): Promise<ReconcileResult> {
  await refusePaused(ops, reconciler);
  const deadBefore = await deadOf(ops, reconciler);
  const idle = await follow(ops, reconciler, deadBefore, ({ running }) => running === undefined);
  const earlier = idle.last?.runId;
  await startRun(ops, reconciler, dryRun);
  const { last } = await follow(
    ops,
    reconciler,
    deadBefore,
    (state) => state.running === undefined && state.last !== undefined && state.last.runId !== earlier,
  );
  ops.terminal.progress(undefined);
  if (last === undefined) throw new Error('follow answered a run that has not ended');
  return last;
}

async function follow(
  ops: Ops,
  reconciler: Reconciler,
  deadBefore: number,
  ended: (state: ReconcileState) => boolean,
): Promise<ReconcileState> {
  const { clients, stack, terminal, nowMs, delay, pollMs } = ops;
  const controls = controlReader(clients, stack.ledgerTable);
  const name = reconcilerName(reconciler);
  for (;;) {
    const { value = {} } = await readControl(controls, CONTROL.reconcile(name), reconcileState);
    if (ended(value)) return value;
    if ((await deadOf(ops, reconciler)) > deadBefore) throw gaveUp(reconciler);
    const { running } = value;
    terminal.progress(
      running === undefined
        ? `reconcile ${name}: about to start`
        : `reconcile ${name}: run ${running.runId} for ${spanText(nowMs() - running.startedMs)}, part ${countText(running.segment)}`,
    );
    await delay(pollMs);
  }
}

async function refusePaused({ clients }: Ops, { name, functionName }: Reconciler): Promise<void> {
  if (functionName === undefined) return;
  const switches = await switchesOf(clients, functionName);
  if (!switches.some(({ paused }) => paused)) return;
  throw new SyncError(`${name} is paused`, {
    op: 'reconcile',
    retryable: false,
    code: 'Paused',
    hint: `ops resume ${name}`,
  });
}

async function deadOf({ clients }: Ops, { dlqUrl }: Reconciler): Promise<number> {
  return dlqUrl === undefined ? 0 : total(await queueDepth(clients, dlqUrl));
}

function gaveUp({ name }: Reconciler): SyncError {
  return new SyncError(`${name} gave up: its message is in the dead-letter queue`, {
    op: 'reconcile',
    retryable: false,
    code: 'GaveUp',
    hint: 'ops logs shows why; when that is mended: ops redrive reconcile-ledger, or the destination it is of.',
  });
}

/** One line on what a run found. */
export function resultText(name: string, result: ReconcileResult): string {
  const { objects, known, copies, deletes, held, startedMs, endedMs, dryRun, error } = result;
  const parts = [
    `${countText(objects)} objects in the hub`,
    `${countText(known)} ${name === 'ledger' ? 'in the ledger' : 'there'}`,
    `${countText(copies)} ${dryRun ? 'would be looked at' : 'to look at'}`,
    `${countText(deletes)} ${dryRun ? 'would be deleted' : 'deletes'}`,
    ...(held > 0 ? [`${countText(held)} held`] : []),
    ...(error === undefined ? [] : [`failed: ${error}`]),
  ];
  return `${name}: ${parts.join(', ')} (${spanText(endedMs - startedMs)})`;
}
