/** Starts a worker thread wherever the agent runs from: the sources, or the single executable, which has no files. */
import { getAsset, isSea } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** A worker is a file of this directory whose name ends so; the executable carries each of them as an asset. */
export type WorkerName = `${string}-worker`;

/**
 * The worker of that name, started. One that calls libc must be asked to end, never be terminated: a thread that is
 * ended while koffi loads or works in it aborts the process ("napi_throw"). Rejects nothing itself: listen to its `error` and `exit`. In the executable its
 * bundle is CommonJS text: https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html
 */
export function startWorker(name: WorkerName, options: WorkerOptions): Worker {
  if (isSea()) return new Worker(getAsset(`${name}.js`, 'utf8'), { ...options, eval: true });
  return new Worker(new URL(`./${name}.ts`, import.meta.url), options);
}
