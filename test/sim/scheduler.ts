/**
 * A world on one thread and a virtual clock.
 *
 * Everything outside the code under test (a request that arrives at a store, a message that becomes visible, a user who
 * writes, an instance that dies) is an event with a time. Events happen one at a time, in the order of their times,
 * which chance has drawn; between two of them all code that can run does run, until every promise that can settle has
 * settled. So each request takes effect at one instant, any two requests of any two instances can take effect in either
 * order, and nothing else is left to chance: the same choices give the same history, event by event. Nobody waits for a
 * timer: a day of backoff passes as fast as a millisecond.
 *
 * The drain between two events is exact and needs no turn of the event loop: Node runs `process.nextTick` callbacks
 * only once no microtask is left (https://nodejs.org/api/process.html#when-to-use-queuemicrotask-vs-processnexttick).
 */
export interface Scheduler {
  readonly nowMs: number;
  /** Events so far. */
  readonly steps: number;
  after(delayMs: number, event: () => void): void;
  /**
   * Until no event is left, somebody has said stop, or so many events have happened.
   *
   * @param untilMs what comes after that time is left for later
   * @throws what an event throws
   */
  run(mostSteps: number, untilMs?: number): Promise<'idle' | 'stopped' | 'endless'>;
  stop(): void;
}

interface Event {
  atMs: number;
  /** Of two events at one time the one that was asked for first comes first. */
  order: number;
  happen: () => void;
}

export function createScheduler(startMs: number): Scheduler {
  const heap: Event[] = [];
  let nowMs = startMs;
  let steps = 0;
  let order = 0;
  let stopped = false;

  return {
    get nowMs() {
      return nowMs;
    },
    get steps() {
      return steps;
    },
    after(delayMs, happen) {
      push(heap, { atMs: nowMs + delayMs, order: order++, happen });
    },
    stop() {
      stopped = true;
    },
    run: (mostSteps, untilMs = Number.POSITIVE_INFINITY) =>
      new Promise((resolve, reject) => {
        const drained = () => process.nextTick(step);
        const step = () => {
          if (stopped) return resolve('stopped');
          const isLater = (heap[0]?.atMs ?? 0) > untilMs;
          if (isLater) nowMs = untilMs;
          const event = isLater ? undefined : pop(heap);
          if (event === undefined) return resolve('idle');
          if (steps++ >= mostSteps) return resolve('endless');
          nowMs = event.atMs;
          try {
            event.happen();
          } catch (error) {
            return reject(error);
          }
          queueMicrotask(drained);
        };
        queueMicrotask(drained);
      }),
  };
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs === right.atMs ? left.order < right.order : left.atMs < right.atMs;
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(event, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    const right = heap[2 * at + 2];
    const left = heap[2 * at + 1];
    const isRight = right !== undefined && left !== undefined && isBefore(right, left);
    const least = isRight ? right : left;
    if (least === undefined || !isBefore(least, last)) break;
    heap[at] = least;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
  return first;
}
