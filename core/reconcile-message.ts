/** Messages of the reconcile queues: what starts a run, goes on with it, or releases the deletes that it held. */
import { SyncError } from './errors.ts';
import { keyFault, type ObjectKey, objectKey } from './key.ts';
import { REPORT_PREFIX } from './names.ts';
import * as z from './schema.ts';

const key = z.string().check(z.refine((text) => keyFault(text) === undefined, { error: 'an object key' }));
const parsedKey = z.pipe(
  key,
  z.transform((text: string): ObjectKey => objectKey(text)),
);

const counts = z.strictObject({
  objects: z.number(),
  bytes: z.number(),
  known: z.number(),
  copies: z.number(),
  deletes: z.number(),
  records: z.number(),
  deliveries: z.number(),
});
/** What a run has seen so far; the fields of `ReconcileResult`. */
export type ReconcileCounts = z.output<typeof counts>;
export const NOTHING_SEEN: ReconcileCounts = {
  objects: 0,
  bytes: 0,
  known: 0,
  copies: 0,
  deletes: 0,
  records: 0,
  deliveries: 0,
};

const goingOn = z.strictObject({
  runId: z.string().check(z.minLength(1)),
  startedMs: z.number(),
  /** Of this message; the first one, which started the run, was 1. */
  segment: z.int().check(z.minimum(2)),
  /** Up to this key everything was compared. */
  after: parsedKey,
  counts,
  /** `everHeld` of the destination when the run began. */
  heldBefore: z._default(z.number(), 0),
});

const message = z
  .strictObject({
    /** Compare, write the plan, and do nothing. */
    dryRun: z._default(z.boolean(), false),
    /** Absent: a new run. */
    run: z.optional(goingOn),
    /** Carry out the deletes that this run held. */
    approve: z.optional(z.string().check(z.minLength(1))),
    /** Of `approve`: those up to this key are on their way. */
    after: z.optional(parsedKey),
  })
  .check(
    z.refine(({ run, approve, after }) => (approve !== undefined ? run === undefined : after === undefined), {
      error: 'either a run or an approval',
    }),
  );

export type ReconcileMessage = z.output<typeof message>;

/** What the schedule sends. */
export const START_MESSAGE = reconcileText({});

/** `{}` starts a run, `{"dryRun":true}` one that does nothing, `{"approve":"<run>"}` releases its deletes. */
export function reconcileText(value: z.input<typeof message>): string {
  return JSON.stringify(value);
}

/** @throws SyncError, not retryable, naming what is wrong. */
export function parseReconcile(body: string): ReconcileMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformed(`is not JSON: ${error.message}`);
  }
  const result = message.safeParse(value);
  if (!result.success) throw malformed(`is wrong: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** Lines `{key, reason}`: what a run wants deleted; one object for each of its segments that has any. */
export function deletesKey(runId: string, segment: number): ObjectKey {
  return objectKey(`${deletesPrefix(runId)}${fourDigits(segment)}.ndjson`);
}

export function deletesPrefix(runId: string): string {
  return `${REPORT_PREFIX.reconcile}${runId}/deletes-`;
}

/** Lines `{key, do, reason}`, in the order of the keys; of a dry run, one object for each of its segments. */
export function planKey(runId: string, segment: number): ObjectKey {
  return objectKey(`${REPORT_PREFIX.reconcile}${runId}/plan-${fourDigits(segment)}.ndjson`);
}

/** Listed in the order of the segments up to 9,999 of them: three months of a function that always runs. */
function fourDigits(segment: number): string {
  return String(segment).padStart(4, '0');
}

function malformed(what: string): SyncError {
  return new SyncError(`the message ${what}`, {
    op: 'parse-reconcile',
    retryable: false,
    code: 'BadMessage',
    hint: 'Start runs with `npm run ops -- reconcile`.',
  });
}
