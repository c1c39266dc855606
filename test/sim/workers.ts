/**
 * Histories in threads of their own. Those with hosts have to be: a thread that has simulated a host has the simulated
 * kernel under all of the agent that it loads.
 */
import { Worker } from 'node:worker_threads';
import { add, noTally, type Tally } from './campaign.ts';

export interface Stretch {
  from: number;
  count: number;
  /** Each history again and again, to see whether it is the same. */
  twice: boolean;
}

/** Of one message to a worker. */
const STRETCH = 250;
/** A history leaves much behind, and nothing that lasts. */
const YOUNG = { maxYoungGenerationSizeMb: 64 };

export async function inWorkers(from: number, count: number, workers: number): Promise<Tally> {
  const sum = noTally();
  let next = from;
  const nextStretch = (): Stretch | undefined => {
    const stretch = { from: next, count: Math.min(STRETCH, from + count - next), twice: false };
    next += stretch.count;
    return stretch.count <= 0 ? undefined : stretch;
  };
  await Promise.all(
    Array.from({ length: workers }, () => inWorker<Tally>(nextStretch, (tally) => add(sum, tally))),
  );
  return sum;
}

/** Seeds whose histories are not the same each time. */
export async function differing(from: number, count: number): Promise<number[]> {
  const stretches: Stretch[] = [{ from, count, twice: true }];
  const seeds: number[] = [];
  await inWorker<number[]>(
    () => stretches.pop(),
    (found) => seeds.push(...found),
  );
  return seeds;
}

function inWorker<Answer>(
  next: () => Stretch | undefined,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { resourceLimits: YOUNG });
    const giveMore = () => {
      const stretch = next();
      if (stretch === undefined) worker.terminate().then(() => resolve(), reject);
      else worker.postMessage(stretch);
    };
    worker.on('error', reject);
    worker.on('message', (answer: Answer) => {
      onAnswer(answer);
      giveMore();
    });
    giveMore();
  });
}
