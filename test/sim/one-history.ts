/** One history that a test has written, in a thread of its own: see workers.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { History } from './setup.ts';
import { simulate } from './simulate.ts';

const { violation, fired } = await simulate(workerData as History);
parentPort?.postMessage({ violation, fired });
