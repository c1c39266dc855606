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

const WORKER = new URL('worker.ts', import.meta.url);
/** Of one message to a worker. */
const STRETCH = 250;
/** A history leaves much behind, and nothing that lasts. */
const YOUNG = { maxYoungGenerationSizeMb: 64 };

/**
 * @param onStretch hears of each stretch as it ends
 * @param stopping when it is aborted, the rest is left out
 */
export async function inWorkers(
  from: number,
  count: number,
  workers: number,
  onStretch: (tally: Tally) => void = () => undefined,
  stopping?: AbortSignal,
): Promise<Tally> {
  const sum = noTally();
  let next = from;
  const nextStretch = (): Stretch | undefined => {
    const stretch = { from: next, count: Math.min(STRETCH, from + count - next), twice: false };
    next += stretch.count;
    return stretch.count <= 0 || stopping?.aborted === true ? undefined : stretch;
  };
  await Promise.all(
    Array.from({ length: workers }, () =>
      inWorker<Stretch, Tally>(WORKER, nextStretch, (tally) => {
        add(sum, tally);
        onStretch(tally);
      }),
    ),
  );
  return sum;
}

/** Seeds whose histories are not the same each time. */
export async function differing(from: number, count: number): Promise<number[]> {
  const stretches: Stretch[] = [{ from, count, twice: true }];
  const seeds: number[] = [];
  await inWorker<Stretch, number[]>(
    WORKER,
    () => stretches.pop(),
    (found) => seeds.push(...found),
  );
  return seeds;
}

/** @param next what the worker is to do next; it answers each before it gets another */
export function inWorker<Work, Answer>(
  module: URL,
  next: () => Work | undefined,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const worker = new Worker(module, { resourceLimits: YOUNG });
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
