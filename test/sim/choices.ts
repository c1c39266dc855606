/**
 * Every decision that chance makes in a history, in the order in which they are asked for. A seed makes them and they
 * are kept, so that a history can be run again from the list, also from one that was made duller. 0 is always the
 * dullest answer: no fault, no delay, the oldest first. A list that is used up answers nothing else.
 */
export interface Choices {
  /** An integer from 0 to n - 1. */
  below(n: number): number;
  happens(probability: number): boolean;
  /** The number of the weight that was hit, from 1 on; 0: none. Weights are probabilities and sum up to at most 1. */
  oneOf(weights: readonly number[]): number;
  readonly made: readonly number[];
}

/** Uniform in [0, 1). A small generator of its own, so that a seed means the same on every machine and version. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seededChoices(seed: number): Choices {
  const random = createRandom(seed);
  const made: number[] = [];
  const keep = (choice: number) => {
    made.push(choice);
    return choice;
  };
  return {
    made,
    below: (n) => keep(Math.floor(random() * n)),
    happens: (probability) => keep(random() < probability ? 1 : 0) === 1,
    oneOf(weights) {
      let left = random();
      for (let index = 0; index < weights.length; index++) {
        left -= weights[index] ?? 0;
        if (left < 0) return keep(index + 1);
      }
      return keep(0);
    },
  };
}

export function replayedChoices(list: readonly number[]): Choices {
  const made: number[] = [];
  const next = (n: number) => {
    const choice = (list[made.length] ?? 0) % n;
    made.push(choice);
    return choice;
  };
  return {
    made,
    below: next,
    // What cannot happen does not happen, whatever the list says.
    happens: (probability) => next(2) === 1 && probability > 0,
    oneOf: (weights) => next(weights.length + 1),
  };
}
