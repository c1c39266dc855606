/** Many histories, one seed after the other, and what came of them. */
import { FAULTS, type FaultCounts, type FaultKind, noFaults } from './faults.ts';
import { drawHistory } from './setup.ts';
import { simulate } from './simulate.ts';
import type { Violation } from './simulation.ts';

export interface Failure {
  seed: number;
  violation: Violation;
}

export interface Tally {
  seeds: number;
  steps: number;
  fired: FaultCounts;
  /** How often each line was logged. */
  reached: Record<string, number>;
  failures: Failure[];
}

const ENOUGH_SEEDS = 1_000;

/** @param mostFailures after that the rest is left out */
export async function runSeeds(
  from: number,
  count: number,
  mostFailures = Number.POSITIVE_INFINITY,
): Promise<Tally> {
  const tally = noTally();
  for (let seed = from; seed < from + count && tally.failures.length < mostFailures; seed++) {
    const { violation, fired, reached, steps } = await simulate(drawHistory(seed));
    const failures = violation === undefined ? [] : [{ seed, violation }];
    add(tally, { seeds: 1, steps, fired, reached: Object.fromEntries(reached), failures });
  }
  return tally;
}

/** Kinds of faults of which nothing is proved. Of few seeds nothing is asked: a rare fault may well not happen. */
export function neverFired({ seeds, fired }: Tally): FaultKind[] {
  return seeds < ENOUGH_SEEDS ? [] : FAULTS.filter((kind) => fired[kind] === 0);
}

export function noTally(): Tally {
  return { seeds: 0, steps: 0, fired: noFaults(), reached: {}, failures: [] };
}

export function add(sum: Tally, more: Tally): void {
  sum.seeds += more.seeds;
  sum.steps += more.steps;
  for (const [kind, count] of Object.entries(more.fired)) sum.fired[kind as FaultKind] += count;
  for (const [line, count] of Object.entries(more.reached))
    sum.reached[line] = (sum.reached[line] ?? 0) + count;
  sum.failures.push(...more.failures);
}

/** Of each history, whether it is the same event by event when it is run again, and from the choices that it made. */
export async function seedsThatDiffer(from: number, count: number): Promise<number[]> {
  const seeds = Array.from({ length: count }, (_, index) => from + index);
  const differing: number[] = [];
  for (const seed of seeds) {
    const history = drawHistory(seed);
    const first = await simulate(history, { traced: true });
    const again = await simulate(history, { traced: true });
    const replayed = await simulate(history, { traced: true, choices: first.choices });
    const same = [again, replayed].every(({ trace }) => trace.join('\n') === first.trace.join('\n'));
    if (!same) differing.push(seed);
  }
  return differing;
}
