/** Many histories, one seed after the other, and what came of them. */
import { createRandom } from '../sim/choices.ts';
import { playAny } from './event-history.ts';

export interface HistoryTally {
  histories: number;
  disturbed: number;
  /** The first of them. */
  failures: string[];
}

const FAILURES = 5;

export function runHistories(from: number, count: number): HistoryTally {
  const tally: HistoryTally = { histories: 0, disturbed: 0, failures: [] };
  for (let seed = from; seed < from + count; seed++) {
    const random = createRandom(seed);
    const { wrong, disturbed, source, steps } = playAny((limit) => Math.floor(random() * limit));
    tally.histories++;
    tally.disturbed += disturbed;
    if (wrong === undefined || tally.failures.length >= FAILURES) continue;
    tally.failures.push(`seed ${seed}, ${source}: ${wrong}, after ${JSON.stringify(steps)}`);
  }
  return tally;
}
