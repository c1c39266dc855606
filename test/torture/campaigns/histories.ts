/** Histories of single keys, whose events come in any order, twice or late: only the decisions of core, and millions of them. */
import { availableParallelism } from 'node:os';
import type { HistoryTally } from '../../core/event-histories.ts';
import { inWorker } from '../../sim/workers.ts';
import type { Campaign } from '../campaign.ts';

const STRETCH = 20_000;
const WORKER = new URL('../../core/history-worker.ts', import.meta.url);

export const histories: Campaign = {
  name: 'histories',
  title: 'histories of one key, its events in any order, doubled and late: the ledger is what the hub is',
  cases: [51],
  needs: [],
  rounds: 1_000_000,
  async run({ rounds, seed, tally, stopping }) {
    let next = seed;
    const end = seed + rounds;
    const nextStretch = () => {
      const stretch = { from: next, count: Math.min(STRETCH, end - next) };
      next += stretch.count;
      return stretch.count <= 0 || stopping.aborted ? undefined : stretch;
    };
    const count = ({ histories: played, disturbed, failures }: HistoryTally) => {
      tally.round(played);
      tally.fired(disturbed);
      tally.wrong(failures.map((what) => ({ kind: 'notConverged', what })));
    };
    const lanes = Array.from({ length: availableParallelism() }, () => inWorker(WORKER, nextStretch, count));
    await Promise.all(lanes);
  },
};
