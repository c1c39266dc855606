/** Runs the contenders of a case one after the other, round by round, so that what else the machine does hits all alike. */
import type { Bench } from './bench.ts';
import { failedLine, type Line, lineOf, type Run } from './figures.ts';

export interface Contender {
  name: string;
  /** At most; for what takes too long to be repeated. */
  runs?: number;
  /** One run, from nothing. Throws when not all the work was done. */
  run(): Promise<Run>;
}

export interface Case {
  name: string;
  /** For people: what is done, and to what. */
  what: string;
  /** `false`: the contenders do different things, and ratios between them say nothing. */
  beside?: false;
  contenders(bench: Bench): Promise<Contender[]>;
}

export const OURS = 'sluice';

/** One line for each contender, in their order; one that has failed once does not run again. */
export async function runCase(bench: Bench, { name, contenders }: Case, rounds: number): Promise<Line[]> {
  let all: Contender[];
  try {
    all = await contenders(bench);
  } catch (error) {
    return [failed(bench, name, OURS, error)];
  }
  const done = new Map<Contender, Run[]>(all.map((one) => [one, []]));
  const failures = new Map<Contender, Line>();
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      if (failures.has(one) || round >= (one.runs ?? rounds)) continue;
      try {
        const run = await one.run();
        done.get(one)?.push(run);
        bench.say(`${name}: ${one.name}, run ${round + 1}: ${run.seconds?.toFixed(2) ?? '-'} s`);
      } catch (error) {
        failures.set(one, failed(bench, name, one.name, error));
      }
    }
  }
  return all.map((one) => failures.get(one) ?? lineOf(name, one.name, done.get(one) ?? []));
}

/** Whatever went wrong is the contender's result; the others still have theirs. */
function failed(bench: Bench, name: string, contender: string, error: unknown): Line {
  if (!(error instanceof Error)) throw error;
  bench.say(`${name}: ${contender} failed: ${error.message}`);
  return failedLine(name, contender, error.message);
}
