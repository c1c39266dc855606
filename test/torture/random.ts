/** Choices from a seed: the same seed makes the same choices, whatever the machine does in between. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number;
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Buffer;
  /** Choices of its own, so that what runs side by side does not take from each other's. */
  fork(): Random;
}

/** https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (mulberry32, public domain) */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const next = () => word() / 2 ** 32;
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (share) => next() < share,
    pick(list) {
      const found = list[below(list.length)];
      if (found === undefined) throw new Error('there is nothing to pick from');
      return found;
    },
    bytes(count) {
      const bytes = Buffer.alloc(Math.ceil(count / 4) * 4);
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(word(), at);
      return bytes.subarray(0, count);
    },
    fork: () => randomOf(word()),
  };
}
