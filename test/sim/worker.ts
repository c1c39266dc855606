/** Takes one stretch of seeds after the other, as they are given to it. */
import { parentPort } from 'node:worker_threads';
import { runSeeds, seedsThatDiffer } from './campaign.ts';
import type { Stretch } from './workers.ts';

/** Nobody reads the stacks of the failures that a simulation injects; they are half of what a failure costs. */
Error.stackTraceLimit = 0;

parentPort?.on('message', async ({ from, count, twice }: Stretch) => {
  parentPort?.postMessage(twice ? await seedsThatDiffer(from, count) : await runSeeds(from, count));
});
