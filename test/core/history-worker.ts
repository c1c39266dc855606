/** Takes one stretch of seeds after the other, as they are given to it. */
import { parentPort } from 'node:worker_threads';
import { runHistories } from './event-histories.ts';

parentPort?.on('message', ({ from, count }: { from: number; count: number }) => {
  parentPort?.postMessage(runHistories(from, count));
});
