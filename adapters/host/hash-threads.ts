/** The threads that read and hash: started when there is something to do, ended when there has been nothing for a while. */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { HashAnswer, HashOrder, HashTask } from './hash-worker.ts';
import { LANES } from './md5-kernel.ts';
import { startWorker } from './worker.ts';

interface Waiting {
  resolve(answer: HashAnswer): void;
  reject(error: Error): void;
}

interface Thread {
  worker: Worker;
  /** By id. */
  waiting: Map<number, Waiting>;
}

/** One reads and hashes over a gigabyte a second, more than most lines carry; a core is left to what is sent. */
const THREADS = Math.max(1, Math.min(2, availableParallelism() - 1));
/** Starting one takes as long as hashing some 20 MB. */
const REST_MS = 5_000;

const threads = new Set<Thread>();
let lastId = 0;
let ending: NodeJS.Timeout | undefined;

/**
 * Does the task in another thread; the descriptor must stay open until then.
 *
 * @throws Node's errors when the file cannot be read
 */
export async function inHashThread(task: HashTask): Promise<Exclude<HashAnswer, { failed: unknown }>> {
  const answer = await new Promise<HashAnswer>((resolve, reject) => order(task, { resolve, reject }));
  if (!('failed' in answer)) return answer;
  throw Object.assign(new Error(answer.failed.message), answer.failed);
}

function order(task: HashTask, waiting: Waiting): void {
  clearTimeout(ending);
  const thread = leastBusy();
  const id = ++lastId;
  thread.waiting.set(id, waiting);
  thread.worker.ref();
  thread.worker.postMessage({ ...task, id } satisfies HashOrder);
}

/** Many streams in one thread are hashed in less time than in two. */
function leastBusy(): Thread {
  const [first, ...others] = threads;
  if (first === undefined) return start();
  const least = others.reduce((one, other) => (other.waiting.size < one.waiting.size ? other : one), first);
  return least.waiting.size >= LANES && threads.size < THREADS ? start() : least;
}

function start(): Thread {
  const worker = startWorker('hash-worker', {});
  const thread: Thread = { worker, waiting: new Map() };
  threads.add(thread);
  const ended = (why: unknown) => {
    threads.delete(thread);
    const error = why instanceof Error ? why : new Error(`a hash thread ended early (${why})`);
    for (const { reject } of thread.waiting.values()) reject(error);
    thread.waiting.clear();
  };
  worker.on('error', ended);
  worker.on('exit', ended);
  worker.on('message', ({ id, ...answer }: HashAnswer & { id: number }) => {
    const done = thread.waiting.get(id);
    thread.waiting.delete(id);
    if (thread.waiting.size === 0) rest(thread);
    done?.resolve(answer);
  });
  return thread;
}

function rest(thread: Thread): void {
  thread.worker.unref();
  if ([...threads].every(({ waiting }) => waiting.size === 0)) ending = setTimeout(endAll, REST_MS).unref();
}

function endAll(): void {
  for (const { worker } of threads) void worker.terminate();
  threads.clear();
}
