/** Everything that the page shows at one time. */
import type { LedgerTotals } from '../notice.ts';
import type { AgentStatus } from './agent-status.ts';
import type { Way } from './ways.ts';

export interface Snapshot {
  /** Milliseconds since 1970, as all times here. */
  atMs: number;
  agent: {
    isRunning: boolean;
    /** `127.0.0.1:PORT` of its own page. */
    address?: string;
    /** Absent: it does not run, or does not answer yet. */
    status?: AgentStatus;
  };
  /** Absent: it could not be read, and `faults` says why. */
  hub?: { objects: number; bytes: number; isAll: boolean };
  ledger: LedgerTotals;
  destinations: DestinationState[];
  fileManager: FileManagerState;
  /** Absent: there is none. */
  cdn?: { distribution: string; invalidations: number; inProgress: number };
  queues: QueueState[];
  /** The newest first. */
  ways: Way[];
  /** What could not be read, and why. */
  faults: string[];
}

export interface DestinationState {
  name: string;
  bucket: string;
  /** Objects of the ledger that it is confirmed to hold. */
  verified: number;
  /** Objects of the ledger that it is not. */
  waiting: number;
  /** Messages that were given up. */
  deadLetters: number;
  /** `down`: the page's button has shut it. `fixed`: it cannot be shut. */
  gate: 'open' | 'down' | 'fixed';
}

export interface FileManagerState {
  url: string;
  files: number;
  /** Objects of the ledger that it has confirmed, and that it has not. */
  delivered: number;
  waiting: number;
  deadLetters: number;
  /** Calls since its last success that it failed. */
  failuresInARow: number;
  /** The page's button has told it to fail. */
  isFailing: boolean;
  /** Open: `deliver` leaves it alone for a while. */
  breaker: 'closed' | 'open';
}

export interface QueueState {
  name: string;
  waiting: number;
  /** In work, or waiting for its next try. */
  inFlight: number;
  delayed: number;
  deadLetters: number;
}
