/** Simulated histories of hosts, stores, queues and functions, on a clock of their own: test/sim. */
import { availableParallelism } from 'node:os';
import { neverFired, type Tally } from '../../sim/campaign.ts';
import { inWorkers } from '../../sim/workers.ts';
import type { Campaign, Kind } from '../campaign.ts';

/** By the invariant of the design that was violated. */
const KINDS: Record<string, Kind> = { I1: 'lost', I2: 'partial', I3: 'notConverged', I4: 'silent' };

export const simulation: Campaign = {
  name: 'simulation',
  title: 'simulated histories with every fault at any step, invariants asserted at each',
  cases: [1, 4, 5, 7, 9, 12, 13, 14, 15, 44, 46, 48, 51, 52, 54],
  needs: [],
  rounds: 10_000,
  countedBy: 'seeds',
  async run({ rounds, seed, tally, stopping }) {
    const count = ({ seeds, fired, failures }: Tally) => {
      tally.round(seeds);
      tally.fired(Object.values(fired).reduce((sum, times) => sum + times, 0));
      for (const { seed: failed, violation } of failures) {
        const { invariant, text } = violation;
        const kind = KINDS[invariant] ?? 'notConverged';
        tally.wrong([{ kind, what: `seed ${failed}: ${invariant}: ${text}` }]);
      }
    };
    const sum = await inWorkers(seed, rounds, availableParallelism(), count, stopping);
    const silent = neverFired(sum);
    if (silent.length > 0 && !stopping.aborted)
      throw new Error(`faults that never fired: ${silent.join(', ')}`);
  },
};
