/** Polls trees that no event tells of, in a worker thread. */
import { SyncError } from '#core/errors.ts';
import type { PollingLook, PollingReply, PollingRequest } from './polling-worker.ts';
import { pathError } from './tree.ts';
import { startWorker } from './worker.ts';

export interface PollerEvents {
  onDirty(path: Buffer): void;
  onGone(path: Buffer): void;
  onProblem(error: Error, path: Buffer): void;
  /** Before anything is told to be gone; the poller may be closed when it returns, and then tells nothing. */
  check(): void;
  /** Before all tops are looked at again: some may be removed. */
  beforeRound(): void;
  /** Every top has been looked at, after some had not been. */
  onSettled(): void;
  /** The worker has ended: nothing is polled any more. */
  onFailed(error: Error): void;
}

export interface Poller {
  /** Directories at the last look. */
  readonly directories: number;
  /** Whether a top waits for its first look. */
  readonly busy: boolean;
  tops(): Buffer[];
  has(top: Buffer): boolean;
  /** Looks at the directory and all below it now, and from then on every `pollMs`; `quiet`: what is there is not told. */
  add(top: Buffer, quiet: boolean): void;
  remove(top: Buffer): void;
  close(): void;
}

/** Paths are relative to the root, in bytes. The worker starts with the first top. */
export function createPoller(root: Buffer, pollMs: number, events: PollerEvents): Poller {
  const tops = new Set<string>();
  /** Not looked at yet; the value is `quiet`. */
  const fresh = new Map<string, boolean>();
  let forgotten: string[] = [];
  /** Problems of the last round: what lasts is told once. */
  let told = new Set<string>();
  let worker: ReturnType<typeof startWorker> | undefined;
  let looking = false;
  let settled = true;
  let planned: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let directories = 0;
  let closed = false;

  function ask(look: PollingLook['look']): void {
    clearTimeout(timer);
    worker ??= start();
    looking = true;
    worker.postMessage({ look, forget: forgotten } satisfies PollingLook);
    forgotten = [];
  }

  function askFresh(): void {
    planned = undefined;
    if (closed || looking) return;
    if (fresh.size === 0) {
      endRound();
      return;
    }
    const look = [...fresh].map(([top, quiet]) => ({ top, quiet }));
    fresh.clear();
    ask(look);
  }

  function askAll(): void {
    events.beforeRound();
    if (closed) return;
    const look = [...tops].map((top) => ({ top, quiet: fresh.get(top) ?? false }));
    fresh.clear();
    ask(look);
  }

  function start(): ReturnType<typeof startWorker> {
    const started = startWorker('polling-worker', { workerData: { root: new Uint8Array(root) } });
    started.on('message', (reply: PollingReply) => {
      if (!closed) take(reply);
    });
    started.on('error', failed);
    started.on('exit', (code) => failed(new Error(`exit code ${code}`)));
    return started;
  }

  function take(reply: PollingReply): void {
    if ('dirty' in reply) {
      eachPath(reply.dirty, (path) => {
        if (!closed) events.onDirty(path);
      });
      return;
    }
    events.check();
    if (closed) return;
    eachPath(reply.gone, (path) => {
      if (!closed) events.onGone(path);
    });
    const problems = reply.problems.map(({ op, path, error }) => ({
      error: pathError(op, Buffer.from(path), error),
      path: Buffer.from(path),
    }));
    for (const { error, path } of problems) {
      if (!closed && !told.has(error.message)) events.onProblem(error, path);
    }
    told = new Set(problems.map(({ error }) => error.message));
    directories = reply.directories;
    endRound();
  }

  function endRound(): void {
    looking = false;
    if (closed) return;
    if (fresh.size > 0) {
      askFresh();
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(askAll, pollMs).unref();
    const first = !settled;
    settled = true;
    if (first) events.onSettled();
  }

  function failed(cause: Error): void {
    if (closed) return;
    close();
    const message = `polling has stopped: ${cause.message}`;
    events.onFailed(new SyncError(message, { op: 'watch', key: root.toString(), retryable: true, cause }));
  }

  function close(): void {
    closed = true;
    clearTimeout(timer);
    clearImmediate(planned);
    worker?.postMessage('end' satisfies PollingRequest);
  }

  return {
    get directories() {
      return directories;
    },
    get busy() {
      return !settled && !closed;
    },
    tops: () => [...tops].map((top) => Buffer.from(top, 'latin1')),
    has: (top) => tops.has(top.toString('latin1')),
    add(top, quiet) {
      const key = top.toString('latin1');
      if (closed || tops.has(key)) return;
      tops.add(key);
      fresh.set(key, quiet);
      settled = false;
      planned ??= setImmediate(askFresh);
    },
    remove(top) {
      const key = top.toString('latin1');
      if (!tops.delete(key)) return;
      if (!fresh.delete(key)) forgotten.push(key);
    },
    close,
  };
}

function eachPath(packed: Uint8Array, visit: (path: Buffer) => void): void {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    visit(bytes.subarray(start, end));
    start = end + 1;
  }
}
