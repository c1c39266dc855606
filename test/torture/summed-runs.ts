/** What several runs prove together. */
import type { PlantedResult } from './planted.ts';
import type { Verdict } from './run-campaign.ts';

export type Result = Verdict | PlantedResult;

/** Of one campaign on one commit. */
export interface Summed extends Verdict {
  /** Of the runs that count, in their order. */
  seeds: number[];
}

/** By campaign, on the commit of its last run; of runs with the same seed the last counts. */
export function summedRuns(results: readonly Result[]): Map<string, Summed> {
  const all = new Map<string, Map<number, Verdict>>();
  for (const one of results) {
    if (!('campaign' in one)) continue;
    const known = all.get(one.campaign);
    const ofCommit = [...(known?.values() ?? [])].filter(({ commit }) => commit === one.commit);
    const bySeed = new Map(ofCommit.map((verdict) => [verdict.seed, verdict]));
    all.set(one.campaign, bySeed.set(one.seed, one));
  }
  return new Map([...all].map(([name, runs]) => [name, sumOf([...runs.values()])]));
}

/** On the commit of the last run; of each bug its last try counts. `undefined`: none was run. */
export function summedPlanted(results: readonly Result[]): PlantedResult | undefined {
  const runs = results.filter((one) => 'planted' in one);
  const commit = runs.at(-1)?.commit;
  if (commit === undefined) return undefined;
  const tries = new Map<string, string | undefined>();
  for (const run of runs) {
    if (run.commit !== commit) continue;
    for (const bug of run.bugs)
      tries.set(
        bug,
        run.missed.find((why) => why.startsWith(`${bug}: `)),
      );
  }
  const missed = [...tries.values()].filter((why) => why !== undefined);
  const bugs = [...tries.keys()];
  return { planted: bugs.length, caught: bugs.length - missed.length, bugs, commit, missed };
}

function sumOf(runs: readonly Verdict[]): Summed {
  const last = runs.at(-1);
  if (last === undefined) throw new Error('there is no run to sum up');
  const sum = (count: (one: Verdict) => number) => runs.reduce((total, one) => total + count(one), 0);
  return {
    ...last,
    seeds: runs.map(({ seed }) => seed),
    rounds: sum(({ rounds }) => rounds),
    fired: sum(({ fired }) => fired),
    lost: sum(({ lost }) => lost),
    partial: sum(({ partial }) => partial),
    silent: sum(({ silent }) => silent),
    notConverged: sum(({ notConverged }) => notConverged),
    seconds: Math.round(sum(({ seconds }) => seconds) * 10) / 10,
    findings: runs.flatMap(({ findings }) => findings),
    failed: runs
      .map(({ failed }) => failed)
      .filter((why) => why !== '')
      .join('; '),
  };
}
