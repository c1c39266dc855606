/** The threads that read and hash: started when there is something to do, ended when there has been nothing for a while. */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { HashAnswer, HashTask } from './hash-worker.ts';
import { startWorker } from './worker.ts';

interface Waiting {
  task: HashTask;
  resolve(answer: HashAnswer): void;
  reject(error: Error): void;
}

/** MD5 of two threads is more than most lines carry. */
const THREADS = Math.min(2, availableParallelism());
/** Starting one takes as long as hashing some 20 MB. */
const REST_MS = 5_000;

interface Thread {
  worker: Worker;
  working: Waiting | undefined;
}

const waiting: Waiting[] = [];
const threads = new Set<Thread>();
let ending: NodeJS.Timeout | undefined;

/**
 * Does the task in another thread; the descriptor must stay open until then.
 *
 * @throws Node's errors when the file cannot be read
 */
export async function inHashThread(task: HashTask): Promise<Exclude<HashAnswer, { failed: unknown }>> {
  const answer = await new Promise<HashAnswer>((resolve, reject) => {
    waiting.push({ task, resolve, reject });
    pump();
  });
  if (!('failed' in answer)) return answer;
  throw Object.assign(new Error(answer.failed.message), answer.failed);
}

function pump(): void {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const thread = resting() ?? (threads.size < THREADS ? start() : undefined);
    if (thread === undefined) {
      waiting.unshift(next);
      return;
    }
    clearTimeout(ending);
    thread.working = next;
    thread.worker.ref();
    thread.worker.postMessage(next.task);
  }
}

function resting(): Thread | undefined {
  return [...threads].find(({ working }) => working === undefined);
}

function start(): Thread {
  const worker = startWorker('hash-worker', {});
  const thread: Thread = { worker, working: undefined };
  threads.add(thread);
  const ended = (why: unknown) => {
    threads.delete(thread);
    thread.working?.reject(why instanceof Error ? why : new Error(`a hash thread ended early (${why})`));
    thread.working = undefined;
    pump();
  };
  worker.on('error', ended);
  worker.on('exit', ended);
  worker.on('message', (answer: HashAnswer) => {
    const done = thread.working;
    thread.working = undefined;
    worker.unref();
    done?.resolve(answer);
    pump();
    if ([...threads].every(({ working }) => working === undefined)) {
      ending = setTimeout(endAll, REST_MS).unref();
    }
  });
  return thread;
}

function endAll(): void {
  for (const { worker } of threads) void worker.terminate();
  threads.clear();
}
