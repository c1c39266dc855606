/** What a campaign is, and what it tells of its rounds. */
import type { Hub } from './hub.ts';
import type { Random } from './random.ts';
import type { Need } from './requirements.ts';

/**
 * lost: a version that was closed, or flushed before a power cut, is neither in the tree nor in the bucket.
 * partial: an object or file under its final name has content that no closed version ever had.
 * silent: a fault did harm, and neither log nor exit code nor status shows it.
 * notConverged: the fault is gone, and tree and bucket still differ.
 */
export type Kind = 'lost' | 'partial' | 'silent' | 'notConverged';

export interface Fault {
  kind: Kind;
  what: string;
}

export interface Tally {
  /** Faults that really happened, as the system or the proxy says, not as they were planned. */
  fired(count?: number): void;
  round(count?: number): void;
  wrong(faults: readonly Fault[]): void;
  readonly rounds: number;
}

/** What a campaign works with; all of it goes when the campaign ends, however it ends. */
export interface World {
  /** A directory of its own on the disk. */
  directory: string;
  /** How the agent is started; it is built when it is first asked for. */
  agent(): Promise<readonly string[]>;
  hub: Hub;
  random: Random;
  /** Where its choices began. */
  seed: number;
  /** Rounds asked for. */
  rounds: number;
  tally: Tally;
  /** What to undo, last first. */
  cleanup: AsyncDisposableStack;
  /** Aborted when somebody ends the run. */
  stopping: AbortSignal;
}

export interface Campaign {
  name: string;
  /** One sentence for the table. */
  title: string;
  /** Numbers of the catalogue of cases in docs/reliability.md. */
  cases: readonly number[];
  needs: readonly Need[];
  /** Rounds unless the command line says otherwise. */
  rounds: number;
  /** `seeds`: its rounds are cheap, and have an option of their own. */
  countedBy?: 'seeds';
  run(world: World): Promise<void>;
}

/** Whether there is another round to do. */
export function goesOn({ rounds, tally, stopping }: World): boolean {
  return tally.rounds < rounds && !stopping.aborted;
}
