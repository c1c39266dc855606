/**
 * The set of paths to look at. A path is worked on by one worker at a time; marked again meanwhile, it is worked on
 * once more. A path put off is looked at when its time has come, or at once when something marks it.
 *
 * What an event marks comes before what a scan offers, so that a fresh file does not wait behind a million old ones.
 * The set is bounded: a scan waits for room, and what is marked beyond the bound is left to the next scan, because the
 * tree is the queue.
 */
import { createWaitingNames } from './waiting-names.ts';

export interface DirtySet {
  /** False when it is left to the next scan. */
  mark(path: Buffer): boolean;
  /** Resolves when there is room for more, or when no more work is taken. */
  offer(paths: readonly Buffer[]): Promise<void>;
  /** Look again after the delay. False when too many are put off already: nobody will. */
  markLater(path: Buffer, delayMs: number): boolean;
  /** Paths waiting or in work; those put off do not count. */
  readonly size: number;
  readonly putOff: number;
  /** Resolves when nothing waits, is in work or is put off. */
  idle(): Promise<void>;
  /** Resolves when nothing waits or is in work. */
  drained(): Promise<void>;
  /** Looks now at all that is put off. */
  hurry(): void;
  /** Take no more work; resolves when what is in work has ended. */
  stop(): Promise<void>;
}

export interface Bounds {
  /** So many may be marked and wait, so many may be put off. */
  marked: number;
  /** An offer waits while so many offered before wait. */
  offered: number;
  /** More than `marked` had been marked, and now there is room again: scan. */
  onRoom(): void;
}

/** Under steady events, one look in so many is at what was offered: it must not wait for ever. */
const OFFERED_EVERY = 8;
const UNBOUNDED: Bounds = {
  marked: Number.POSITIVE_INFINITY,
  offered: Number.POSITIVE_INFINITY,
  onRoom() {},
};

export function createDirtySet(
  concurrency: number,
  work: (path: Buffer) => Promise<void>,
  bounds: Bounds = UNBOUNDED,
): DirtySet {
  const marked = createWaitingNames();
  const offered = createWaitingNames();
  const active = new Set<string>();
  const again = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const waiters: { resolve: () => void; until: () => boolean }[] = [];
  let turns = 0;
  let missed = false;
  let stopped = false;

  /** One byte a character: two names that are not UTF-8 stay two names. */
  const nameOf = (path: Buffer) => path.toString('latin1');

  function mark(name: string): boolean {
    if (stopped) return true;
    clearTimeout(timers.get(name));
    timers.delete(name);
    if (active.has(name)) again.add(name);
    else if (marked.size < bounds.marked) {
      offered.delete(name);
      marked.add(name);
    } else if (!marked.has(name) && !offered.has(name)) {
      missed = true;
      return false;
    }
    pump();
    return true;
  }

  function offer(name: string): void {
    if (stopped || marked.has(name)) return;
    clearTimeout(timers.get(name));
    timers.delete(name);
    if (active.has(name)) again.add(name);
    else offered.add(name);
  }

  function take(): string | undefined {
    turns = (turns + 1) % OFFERED_EVERY;
    return turns === 0 ? (offered.take() ?? marked.take()) : (marked.take() ?? offered.take());
  }

  function pump(): void {
    while (!stopped && active.size < concurrency) {
      const name = take();
      if (name === undefined) return;
      active.add(name);
      void run(name);
    }
  }

  async function run(name: string): Promise<void> {
    // Of its own: the index has it until the commit, and one of the pool would keep the whole page of the pool alive.
    const path = Buffer.allocUnsafeSlow(name.length);
    path.write(name, 'latin1');
    await work(path);
    active.delete(name);
    if (again.delete(name)) mark(name);
    pump();
    if (missed && !stopped && marked.size < bounds.marked / 2) {
      missed = false;
      bounds.onRoom();
    }
    tell();
  }

  function tell(): void {
    for (const waiter of waiters.splice(0)) {
      if (waiter.until()) waiter.resolve();
      else waiters.push(waiter);
    }
  }

  const waits = () => marked.size + offered.size;
  const isDrained = () => active.size === 0 && (stopped || waits() === 0);
  const isIdle = () => isDrained() && (stopped || timers.size === 0);
  const hasRoom = () => stopped || offered.size < bounds.offered;

  function when(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => waiters.push({ resolve, until }));
  }

  return {
    mark: (path) => mark(nameOf(path)),
    offer(paths) {
      for (const path of paths) offer(nameOf(path));
      pump();
      return when(hasRoom);
    },
    markLater(path, delayMs) {
      const name = nameOf(path);
      if (stopped || marked.has(name) || offered.has(name)) return true;
      if (timers.size >= bounds.marked && !timers.has(name)) return false;
      clearTimeout(timers.get(name));
      timers.set(
        name,
        setTimeout(() => mark(name), delayMs),
      );
      return true;
    },
    get size() {
      return waits() + active.size;
    },
    get putOff() {
      return timers.size;
    },
    idle: () => when(isIdle),
    drained: () => when(isDrained),
    hurry() {
      for (const name of [...timers.keys()]) mark(name);
    },
    stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      tell();
      return when(isIdle);
    },
  };
}
