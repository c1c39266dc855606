/**
 * The set of paths to look at. A path is worked on by one worker at a time; marked again meanwhile, it is worked on
 * once more. A path put off is looked at when its time has come, or at once when something marks it.
 */
export interface DirtySet {
  mark(path: Buffer): void;
  /** Look again after the delay. */
  markLater(path: Buffer, delayMs: number): void;
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

export function createDirtySet(concurrency: number, work: (path: Buffer) => Promise<void>): DirtySet {
  const waiting = new Set<string>();
  const active = new Set<string>();
  const again = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const waiters: { resolve: () => void; until: () => boolean }[] = [];
  let stopped = false;

  /** One byte a character: two names that are not UTF-8 stay two names. */
  const nameOf = (path: Buffer) => path.toString('latin1');

  function mark(name: string): void {
    if (stopped) return;
    clearTimeout(timers.get(name));
    timers.delete(name);
    if (active.has(name)) again.add(name);
    else waiting.add(name);
    pump();
  }

  function pump(): void {
    for (const name of waiting) {
      if (stopped || active.size >= concurrency) return;
      waiting.delete(name);
      active.add(name);
      void run(name);
    }
  }

  async function run(name: string): Promise<void> {
    await work(Buffer.from(name, 'latin1'));
    active.delete(name);
    if (again.delete(name)) mark(name);
    pump();
    for (const waiter of waiters.splice(0)) {
      if (waiter.until()) waiter.resolve();
      else waiters.push(waiter);
    }
  }

  const isDrained = () => active.size === 0 && (stopped || waiting.size === 0);
  const isIdle = () => isDrained() && (stopped || timers.size === 0);

  function when(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => waiters.push({ resolve, until }));
  }

  return {
    mark: (path) => mark(nameOf(path)),
    markLater(path, delayMs) {
      const name = nameOf(path);
      if (stopped || waiting.has(name)) return;
      clearTimeout(timers.get(name));
      timers.set(
        name,
        setTimeout(() => mark(name), delayMs),
      );
    },
    get size() {
      return waiting.size + active.size;
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
      return when(isIdle);
    },
  };
}
