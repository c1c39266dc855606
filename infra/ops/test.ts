/** `ops test`: is everything there and reachable, and does a small file really take the whole path? */
import { randomUUID } from 'node:crypto';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { spanText } from '#core/amounts.ts';
import { SyncError } from '#core/errors.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { durationOption } from './duration-option.ts';
import { failureText } from './failure.ts';
import { workers } from './initial-sync.ts';
import { ledgerRow } from './ledger-table.ts';
import { openStore, reportsStore } from './stores.ts';
import { syncOneFile } from './test-file.ts';

export type Step = (name: string, work: () => Promise<string>) => Promise<boolean>;

interface StepResult {
  name: string;
  ok: boolean;
  detail: string;
  durationMs: number;
}

const STACK_FINE = /^(?:CREATE|UPDATE|IMPORT|UPDATE_ROLLBACK)_COMPLETE$/;

export const test: Command = {
  usage: '[--within 5m]',
  summary: 'check everything, then sync a small file end to end',
  details: `Checks the stack, its buckets, ledger and functions; then writes an object sluice-test/<id> to the hub, waits until the
ledger, every destination and the file manager have it, deletes it, and waits until they know that too. --within
is how long each of these may take.

  ops test`,
  options: { within: { type: 'string' } },
  words: { min: 0, max: 0 },
  on: 'stack',
  async run(ops, _words, { within = '5m' }) {
    const withinMs = durationOption('within', String(within));
    const results: StepResult[] = [];
    const step: Step = async (name, work) => {
      const result = await timed(ops, name, work);
      results.push(result);
      if (!ops.json) ops.terminal.print(line(ops, result));
      return result.ok;
    };
    await checkStack(ops, step);
    // Without these a file cannot get anywhere, and each wait would run to its end.
    if (results.every(({ ok }) => ok)) {
      const { paused } = await workers(ops);
      await syncOneFile(ops, { step, key: `sluice-test/${randomUUID()}`, withinMs, paused });
    }
    const ok = results.every((one) => one.ok);
    if (ops.json) ops.terminal.print(JSON.stringify({ ok, steps: results }, undefined, 2));
    return ok ? DONE : FAILED;
  },
};

async function checkStack({ clients, stack }: Ops, step: Step): Promise<void> {
  const hub = await openStore(clients, stack.hub);
  await step('stack', async () => {
    if (STACK_FINE.test(stack.status)) return `${stack.name} ${stack.status}`;
    throw problem(
      `${stack.name} is ${stack.status}`,
      'See the events of the stack in CloudFormation; deploy again.',
    );
  });
  await step('hub', async () => {
    await hub.check();
    return stack.hub.bucket;
  });
  await step('reports bucket', async () => {
    await reportsStore(clients, stack.reportsBucket).check();
    return stack.reportsBucket;
  });
  await step('ledger', async () => {
    await ledgerRow(clients, stack.ledgerTable, 'sluice-test/none');
    return stack.ledgerTable;
  });
  await step('functions', async () => {
    const names = functionNames(stack.outputs);
    const asleep = (await Promise.all(names.map((name) => stateOf(clients, name)))).filter(
      ({ state }) => state !== 'Active',
    );
    if (asleep.length === 0) return `${names.length} active`;
    const which = asleep.map(({ name, state }) => `${name} is ${state}`).join(', ');
    throw problem(which, 'Inactive ones wake up with their first event; Failed ones need another deploy.');
  });
}

async function stateOf(clients: Ops['clients'], name: string): Promise<{ name: string; state: string }> {
  const { State = 'Active', LastUpdateStatus = 'Successful' } = await clients
    .lambda()
    .send(new GetFunctionConfigurationCommand({ FunctionName: name }));
  return { name, state: LastUpdateStatus === 'Failed' ? 'Failed' : State };
}

/** Outputs that name a function: those of consumers, and those that nothing but a schedule or a URL starts. */
function functionNames(outputs: Readonly<Record<string, string>>): string[] {
  return Object.entries(outputs)
    .filter(
      ([key]) =>
        outputs[`${key}QueueUrl`] !== undefined || ['StateReport', 'Retention', 'Ingest'].includes(key),
    )
    .map(([, value]) => value);
}

async function timed(
  { terminal, nowMs }: Ops,
  name: string,
  work: () => Promise<string>,
): Promise<StepResult> {
  const startedMs = nowMs();
  terminal.progress(`${name} …`);
  try {
    const detail = await work();
    return { name, ok: true, detail, durationMs: nowMs() - startedMs };
  } catch (error) {
    const detail = failureText(error);
    if (detail === undefined) throw error;
    return { name, ok: false, detail, durationMs: nowMs() - startedMs };
  }
}

function line({ terminal }: Ops, { name, ok, detail, durationMs }: StepResult): string {
  const mark = ok ? terminal.paint('green', 'ok    ') : terminal.paint('red', 'failed');
  return `${mark} ${name}: ${detail.replace('\n', '\n       ')} ${terminal.paint('dim', `(${spanText(durationMs)})`)}`;
}

function problem(message: string, hint: string): SyncError {
  return new SyncError(message, { op: 'test', retryable: false, hint });
}
