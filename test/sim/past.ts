/**
 * The reference model: what a bucket has held of each key, and when. Invariants are about moments ("the hub did not have
 * it then"), so the past is kept.
 */

/** `undefined` in its place: nothing was there. */
export interface Held {
  etag: string;
  /** Empty where the bucket keeps none. */
  versionId: string;
  body: string;
  metadata: Readonly<Record<string, string>>;
}

export interface Moment {
  fromMs: number;
  /** Counts the changes of the whole bucket: of two changes at one time the later one has more. */
  order: number;
  held: Held | undefined;
}

export interface Past {
  note(key: string, held: Held | undefined, nowMs: number): void;
  now(key: string): Held | undefined;
  /** Oldest first; before the first one there was nothing. */
  of(key: string): readonly Moment[];
  /** Whether at some moment from then on, that one included, what was held made the test true. */
  since(key: string, ms: number, test: (held: Held | undefined) => boolean): boolean;
  keys(): Iterable<string>;
}

const NEVER: readonly Moment[] = [];

export function createPast(): Past {
  const moments = new Map<string, Moment[]>();
  let order = 0;
  const of = (key: string) => moments.get(key) ?? NEVER;
  return {
    of,
    note(key, held, nowMs) {
      const moment = { fromMs: nowMs, order: ++order, held };
      const known = moments.get(key);
      if (known === undefined) moments.set(key, [moment]);
      else known.push(moment);
    },
    now: (key) => of(key).at(-1)?.held,
    since(key, ms, test) {
      const all = of(key);
      for (let index = all.length - 1; index >= 0; index--) {
        const moment = all[index];
        if (moment === undefined) break;
        if (test(moment.held)) return true;
        if (moment.fromMs < ms) return false;
      }
      return test(undefined);
    },
    keys: () => moments.keys(),
  };
}
