/**
 * Where the state report stands, between its runs. Compare-and-set: two runs at once cannot both go on from one place.
 * A run that ends before its time leaves the state as it was, and the next one does its work again.
 */
import { CONTROL, readControl } from '#core/controls.ts';
import { SyncError } from '#core/errors.ts';
import type { Controls } from '#core/ports.ts';
import type { CopyTotals, LedgerTotals } from '#core/report-totals.ts';
import * as z from '#core/schema.ts';
import type { FullScan } from './report-full.ts';

const copies: z.ZodMiniType<CopyTotals> = z.object({
  current: z.number(),
  behind: z.number(),
  gone: z.number(),
  untold: z.number(),
  oldestBehindMs: z.number(),
});
const totals: z.ZodMiniType<LedgerTotals> = z.object({
  objects: z.number(),
  bytes: z.number(),
  tombstones: z.number(),
  delivered: copies,
  destinations: z.record(z.string(), copies),
});
/** A full state: of which run, and when its scan began and had ended. */
const full = z.object({ time: z.string(), key: z.string(), startedMs: z.number(), endedMs: z.number() });
const scan: z.ZodMiniType<FullScan> = z.object({
  time: z.string(),
  startedMs: z.number(),
  destinations: z.array(z.string()),
  after: z.string(),
  rows: z.number(),
  totals,
  sent: z.object({
    uploads: z.array(z.object({ key: z.string(), uploadId: z.string() })),
    parts: z.number(),
  }),
});
const unsent = z.object({ url: z.string(), key: z.string(), runId: z.string(), sinceMs: z.number() });
const state = z.object({
  /** Runs have times that grow, whatever their clocks say: files are compared by them. */
  lastRunMs: z._default(z.number(), 0),
  /** The journal is read up to here, by the store's clock. */
  readToMs: z._default(z.number(), 0),
  /** A stretch of the journal that was too long for one run: where it ends, and the last object that was read of it. */
  unread: z.optional(z.object({ toMs: z.number(), after: z.string() })),
  /** The last full state that was found to be right, or is the first. */
  baseline: z.optional(full),
  /** One that has yet to be compared with it. */
  candidate: z.optional(full),
  /** A full state that goes on in the next run. */
  scan: z.optional(scan),
  /** Of the last full state. */
  totals: z.optional(totals),
  totalsAt: z.optional(z.string()),
  /** Since when each queue has not been seen empty. */
  busySinceMs: z._default(z.record(z.string(), z.number()), {}),
  /** Results that an endpoint has yet to take, oldest first. */
  unsent: z._default(z.array(unsent), []),
  /** The run that is under way; beyond its time it is taken for dead. */
  running: z.optional(z.object({ runId: z.string(), untilMs: z.number() })),
});

export type UnsentResult = z.output<typeof unsent>;
export type FullState = z.output<typeof full>;
export type ReportState = z.output<typeof state>;

export interface StateClaim {
  state: ReportState;
  /** The state from now on; the run goes on. */
  save(next: ReportState): Promise<void>;
  /** Lets the next run begin, with that state, or the last that was saved. */
  end(next?: ReportState): Promise<void>;
}

/** `undefined` while another run is under way. */
export async function claimState(
  controls: Controls,
  run: { runId: string; nowMs: number; untilMs: number },
): Promise<StateClaim | undefined> {
  const stored = await readControl(controls, CONTROL.stateReport, state);
  let current = stored.value ?? state.parse({});
  let { revision } = stored;
  const other = current.running;
  if (other !== undefined && other.runId !== run.runId && other.untilMs > run.nowMs) return undefined;

  async function put(next: ReportState): Promise<boolean> {
    if ((await controls.put(CONTROL.stateReport, next, revision)) === 'conflict') return false;
    revision++;
    current = next;
    return true;
  }
  const { runId, untilMs } = run;
  if (!(await put({ ...current, running: { runId, untilMs } }))) return undefined;

  async function save(next: ReportState): Promise<void> {
    if (await put(next)) return;
    throw new SyncError(`another run has taken over from ${runId}; it does the work again`, {
      op: 'save-report-state',
      retryable: false,
      code: 'Conflict',
    });
  }
  return {
    state: current,
    save: (next) => save({ ...next, running: { runId, untilMs } }),
    end: (next = current) => {
      const { running: _ended, ...rest } = next;
      return save(rest);
    },
  };
}
