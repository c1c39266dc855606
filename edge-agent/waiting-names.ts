/** Names that wait for their turn, the oldest first. */
export interface WaitingNames {
  readonly size: number;
  add(name: string): void;
  has(name: string): boolean;
  delete(name: string): boolean;
  /** The oldest, taken out. */
  take(): string | undefined;
}

/**
 * A set with one iterator for all its life: a new one would pass over all that has been taken since the set last shrank,
 * and taking would become slower with every name that waits.
 */
export function createWaitingNames(): WaitingNames {
  const names = new Set<string>();
  let order = names.values();

  return {
    get size() {
      return names.size;
    },
    add: (name) => void names.add(name),
    has: (name) => names.has(name),
    delete: (name) => names.delete(name),
    take() {
      let next = order.next();
      if (next.done === true) {
        // One that has come to its end stays there.
        order = names.values();
        next = order.next();
      }
      if (next.done === true) return undefined;
      names.delete(next.value);
      return next.value;
    },
  };
}
