/** Work in turns of a few milliseconds: the agent's other work must get its share of the thread. */

export interface Turns<T> {
  add(item: T): void;
  /** Whether something is waiting. */
  readonly busy: boolean;
  close(): void;
}

const TURN_MS = 10;

/** `perform` is called for each item, the newest first; `onDone` when a turn has left nothing. */
export function workInTurns<T>(perform: (item: T) => void, onDone: () => void): Turns<T> {
  const items: T[] = [];
  let planned: NodeJS.Immediate | undefined;
  let closed = false;

  function turn(): void {
    const until = performance.now() + TURN_MS;
    for (let next = items.pop(); next !== undefined && !closed; next = items.pop()) {
      perform(next);
      if (performance.now() > until) break;
    }
    planned = undefined;
    if (closed) return;
    if (items.length > 0) planned = setImmediate(turn);
    else onDone();
  }

  return {
    add(item) {
      if (closed) return;
      items.push(item);
      planned ??= setImmediate(turn);
    },
    get busy() {
      return planned !== undefined || items.length > 0;
    },
    close() {
      closed = true;
      clearImmediate(planned);
    },
  };
}
