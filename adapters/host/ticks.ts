/** What is looked at regularly is looked at in the same moments, so that an idle host wakes once for all of it. */

/** Milliseconds until the next whole multiple of the interval, counted from the start of the process. */
export function untilNext(everyMs: number): number {
  return Math.ceil(everyMs - (performance.now() % everyMs));
}

/** As setInterval, in those moments; it does not keep the process alive. Call the answer to end it. */
export function regularly(everyMs: number, action: () => void): () => void {
  let timer = setTimeout(next, untilNext(everyMs)).unref();

  function next(): void {
    timer = setTimeout(next, untilNext(everyMs)).unref();
    action();
  }

  return () => clearTimeout(timer);
}
