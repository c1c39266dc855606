/** What a run of the state report found: kept in the reports bucket, sent to the endpoints, shown on the page. */
import type { ReconcileResult } from './controls.ts';
import type { ChangeCounts } from './report-diff.ts';
import type { CopyTotals } from './report-totals.ts';
import type { RetentionResult } from './retention-state.ts';

/** Times are ISO 8601 in UTC; keys are of the reports bucket. */
export interface ReportResult {
  version: 1;
  runId: string;
  time: string;
  stack: string;
  changes: ChangeCounts;
  files: { diffs: string[]; full?: string; drift?: string; html: string };
  /** Of the last full state. */
  state?: { at: string; objects: number; bytes: number; tombstones: number; delivered: CopyTotals };
  /** When a full state was compared with the one before. */
  drift?: { compared: number; drifted: number; incomplete?: string };
  queues: QueueView[];
  destinations: DestinationView[];
  agents: AgentView[];
  /** The last run that compared hub and ledger. */
  reconcile?: ReconcileResult;
  retention?: RetentionResult;
  /** What could not be done or read in this run. */
  errors: string[];
}

export interface QueueView {
  /** As the outputs of the stack name it: `MirrorOffsite`. */
  name: string;
  waiting: number;
  inFlight: number;
  deadLetters: number;
  /** How long it has not been seen empty: no message in it can be older. */
  busyMs: number;
}

export interface DestinationView {
  name: string;
  /** Of the last full state. */
  copies?: CopyTotals;
  queue?: QueueView;
  /** Deletes that wait for a person, and why. */
  held: number;
  heldReason: string;
  reconcile?: ReconcileResult;
}

export interface AgentView {
  name: string;
  /** Of its last heartbeat; absent: it has never given one. */
  at?: string;
  ageMs?: number;
  missing: boolean;
  version: string;
  folders: number;
  queued: number;
  /** Files that are parked, and folders that do not work. */
  errors: number;
  heldDeletes: number;
  /** Why the heartbeat could not be read. */
  fault?: string;
}
