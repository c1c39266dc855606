/** The states that are kept in `Controls`: what each is called, and what it holds. */
import type { GuardWindow } from './delete-guard.ts';
import { SyncError } from './errors.ts';
import type { Controls } from './ports.ts';
import * as z from './schema.ts';

/** Names of the controls of a destination; `ledger` stands for the ledger itself. */
export const CONTROL = {
  /** Deletes carried out since the window of the guard began. */
  guard: (destination: string) => `guard-${destination}`,
  /** Deletes that wait for a person. */
  held: (destination: string) => `held-${destination}`,
  /** The reconcile run that is going on, and the last one. */
  reconcile: (name: string) => `reconcile-${name}`,
  /** @param id of the key, of letters and digits */
  upload: (destination: string, id: string) => `upload-${destination}-${id}`,
  /** Where the state report stands. */
  stateReport: 'state-report',
  /** Where each retention rule goes on, and the last run. */
  retention: 'retention',
} as const;
/** Name of what is reconciled where it is not a destination. */
export const LEDGER = 'ledger';

export const guardWindow: z.ZodMiniType<GuardWindow> = z.object({
  startedMs: z.number(),
  known: z.number(),
  deleted: z.number(),
});

/** None are held when `count` is 0. */
export const heldDeletes = z.object({
  /** Of the run, and of events since that run began: at least so many. */
  count: z.number(),
  sinceMs: z.number(),
  reason: z.string(),
  /** The reconcile run that lists them, and whose approval releases them; absent: the next run lists them. */
  runId: z.optional(z.string()),
  /** How often an event's delete was ever held; never goes back. */
  everHeld: z._default(z.number(), 0),
  /** The same when that run began: those up to here are in its list, if they are still to be deleted. */
  listed: z._default(z.number(), 0),
});
export type HeldDeletes = z.output<typeof heldDeletes>;
export const NONE_HELD: HeldDeletes = { count: 0, sinceMs: 0, reason: '', everHeld: 0, listed: 0 };

/** Those that the run `runId` does not list. */
export function heldSince(everHeld: number, runBegan: number): number {
  // The control may have been lost meanwhile.
  return Math.max(everHeld - runBegan, 0);
}

const reconcileResult = z.object({
  runId: z.string(),
  startedMs: z.number(),
  endedMs: z.number(),
  /** Seen in the hub. */
  objects: z.number(),
  bytes: z.number(),
  /** Seen at the destination, or in the ledger. */
  known: z.number(),
  /** `copies` and `deletes`. */
  differences: z.number(),
  copies: z.number(),
  deletes: z.number(),
  /** Looks that only note in the ledger what is there already. */
  records: z.number(),
  /** Deliveries to the file manager that were asked for again. */
  deliveries: z.number(),
  /** Of the deletes, those that wait for a person. */
  held: z.number(),
  dryRun: z.boolean(),
  error: z.optional(z.string()),
});
export type ReconcileResult = z.output<typeof reconcileResult>;

export const reconcileState = z.object({
  running: z.optional(
    z.object({
      runId: z.string(),
      startedMs: z.number(),
      /** Counts the messages of the run; 1 is the first. */
      segment: z.number(),
      /** Until then another invocation may not take it over. */
      leaseUntilMs: z.number(),
      dryRun: z.boolean(),
    }),
  ),
  last: z.optional(reconcileResult),
  /** Objects at the destination, or rows of the ledger, as the last run that saw all of them counted. */
  known: z.optional(z.number()),
});
export type ReconcileState = z.output<typeof reconcileState>;

/** An upload in parts that goes on in another invocation. `etag` is empty when there is none. */
export const handedUpload = z.object({
  uploadId: z.string(),
  /** What the source was when it began. */
  etag: z.string(),
  versionId: z.string(),
  lastModifiedMs: z.number(),
  /** Until then an invocation is at it. */
  busyUntilMs: z.number(),
  /** Which one; a record of an earlier Sluice does not say. */
  takenBy: z.optional(z.string()),
});
export type HandedUpload = z.output<typeof handedUpload>;

/** How often a write is tried again because another one was first. */
const MAX_CONFLICTS = 20;

/** @throws SyncError `BadControl` when what is kept there is something else. */
export async function readControl<Value>(
  controls: Pick<Controls, 'get'>,
  name: string,
  schema: z.ZodMiniType<Value>,
): Promise<{ value: Value | undefined; revision: number }> {
  const found = await controls.get(name);
  if (found === undefined) return { value: undefined, revision: 0 };
  const result = schema.safeParse(found.value);
  if (result.success) return { value: result.data, revision: found.revision };
  throw new SyncError(`control ${name} cannot be read: ${z.prettifyError(result.error)}`, {
    op: 'read-control',
    key: name,
    retryable: false,
    code: 'BadControl',
  });
}

/**
 * Reads, decides and writes, again whenever somebody else wrote in between. `write` undefined: nothing is written.
 *
 * @throws SyncError `Conflict`, retryable
 */
export async function changeControl<Value, Answer>(
  controls: Controls,
  name: string,
  schema: z.ZodMiniType<Value>,
  decide: (value: Value | undefined) => { write?: Value; answer: Answer },
): Promise<Answer> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const { value, revision } = await readControl(controls, name, schema);
    const { write, answer } = decide(value);
    if (write === undefined || (await controls.put(name, write, revision)) === 'written') return answer;
  }
  throw new SyncError(`control ${name}: ${MAX_CONFLICTS} times another writer was first`, {
    op: 'write-control',
    key: name,
    retryable: true,
    code: 'Conflict',
  });
}
