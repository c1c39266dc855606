/** A small object goes the whole path, and goes again. */
import { PublishCommand } from '@aws-sdk/client-sns';
import { spanText } from '#core/amounts.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { lookMessages } from '#core/look-message.ts';
import type { Ops } from './command.ts';
import { type LedgerRow, ledgerRow } from './ledger-table.ts';
import { openStore } from './stores.ts';
import type { Step } from './test.ts';

export interface FileTest {
  step: Step;
  key: string;
  withinMs: number;
  /** Names of consumers that rest. */
  paused: readonly string[];
}

export async function syncOneFile(ops: Ops, test: FileTest): Promise<void> {
  const { step, key } = test;
  const hub = await openStore(ops.clients, ops.stack.hub);
  const written = await step('write', async () => {
    await hub.put(key, `A test of Sluice. It may be deleted.\n${key}\n`);
    await tellOf(ops, key);
    return key;
  });
  if (!written) return;
  try {
    const known = await waitFor(ops, test, 'ledger has it', ({ state }) => state === 'present');
    if (known) {
      await everywhere(ops, test, 'has it', (row, etag) => etag === row.etag && etag !== '');
    }
  } finally {
    await step('delete', async () => {
      await hub.delete(key);
      await tellOf(ops, key);
      return key;
    });
  }
  const gone = await waitFor(ops, test, 'ledger knows that it is gone', ({ state }) => state === 'deleted');
  if (gone) await everywhere(ops, test, 'deleted it', (_row, etag) => etag === '');
}

/** Each destination and the file manager, those that rest or keep what the hub loses left out. */
async function everywhere(
  ops: Ops,
  test: FileTest,
  what: 'has it' | 'deleted it',
  done: (row: LedgerRow, etag: string) => boolean,
): Promise<void> {
  const { stack } = ops;
  for (const { name, deletes } of stack.destinations) {
    if (test.paused.includes(`mirror-${name}`)) {
      await test.step(`${name} ${what}`, async () => 'not waited for: it is paused');
    } else if (what === 'has it' || deletes) {
      await waitFor(ops, test, `${name} ${what}`, (row) => {
        const etag = row.mirrored[name];
        return etag !== undefined && done(row, etag);
      });
    }
  }
  if (stack.outputs.Deliver === undefined || (what === 'deleted it' && !stack.fileManagerDeletes)) return;
  if (test.paused.includes('deliver')) {
    await test.step(`file manager ${what}`, async () => 'not waited for: it is paused');
  } else {
    await waitFor(
      ops,
      test,
      `file manager ${what}`,
      (row) => row.delivered !== undefined && done(row, row.delivered),
    );
  }
}

function waitFor(
  { clients, stack, nowMs, delay, pollMs }: Ops,
  { step, key, withinMs }: FileTest,
  name: string,
  done: (row: LedgerRow) => boolean,
): Promise<boolean> {
  return step(name, async () => {
    const untilMs = nowMs() + withinMs;
    for (;;) {
      const row = await ledgerRow(clients, stack.ledgerTable, key);
      if (row !== undefined && done(row)) return 'yes';
      if (nowMs() > untilMs) throw tooLate(withinMs, row);
      await delay(pollMs);
    }
  });
}

/** A hub of another store has no events of its own here: its webhook may not be set up yet. */
async function tellOf({ clients, stack }: Ops, key: string): Promise<void> {
  const topic = stack.outputs.TopicArn;
  if (stack.hub.endpoint === undefined || topic === undefined) return;
  for (const Message of lookMessages([{ key: objectKey(key), reason: 'ops test' }])) {
    await clients.sns().send(new PublishCommand({ TopicArn: topic, Message }));
  }
}

function tooLate(withinMs: number, row: LedgerRow | undefined): SyncError {
  const found = row === undefined ? 'the ledger has no row of it' : `the ledger says: ${JSON.stringify(row)}`;
  return new SyncError(`not within ${spanText(withinMs)}; ${found}`, {
    op: 'test',
    retryable: true,
    code: 'TooLate',
    hint: 'ops status shows where it waits, ops logs why.',
  });
}
