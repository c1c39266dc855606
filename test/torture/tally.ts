/** Counts what happens in a campaign; one and the same wrong counts once, however often it is seen again. */
import type { Kind, Tally } from './campaign.ts';

export interface Counts extends Record<Kind, number> {
  rounds: number;
  fired: number;
  /** The first of what was wrong, in the order in which it was seen. */
  findings: string[];
}

const FINDINGS = 20;

/** @param onWrong called for each thing that is wrong, once */
export function createTally(onWrong: () => void = () => undefined): Tally & { counts(): Counts } {
  const counts = { rounds: 0, fired: 0, lost: 0, partial: 0, silent: 0, notConverged: 0 };
  const findings: string[] = [];
  const seen = new Set<string>();
  return {
    fired: (count = 1) => {
      counts.fired += count;
    },
    round: (count = 1) => {
      counts.rounds += count;
    },
    wrong(faults) {
      for (const { kind, what } of faults) {
        if (seen.has(`${kind} ${what}`)) continue;
        seen.add(`${kind} ${what}`);
        counts[kind]++;
        onWrong();
        if (findings.length < FINDINGS) findings.push(`round ${counts.rounds}: ${kind}: ${what}`);
      }
    },
    get rounds() {
      return counts.rounds;
    },
    counts: () => ({ ...counts, findings: [...findings] }),
  };
}
