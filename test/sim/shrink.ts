/** Makes a history that fails shorter for as long as the same invariant fails: who reads it shall see little else. */
import type { FaultKind } from './faults.ts';
import type { History, Setup } from './setup.ts';
import { type Outcome, simulate } from './simulate.ts';

export interface Shrunk {
  history: History;
  outcome: Outcome;
  /** Histories that were tried. */
  tries: number;
}

/** Chances that each change of a history is given, beside the choices that it had. */
const FRESH_SEEDS = 4;

/** After that the shortest so far is the answer. */
const MOST_TRIES = 4_000;

export async function shrink(history: History, outcome: Outcome, run = simulate): Promise<Shrunk> {
  const invariant = outcome.violation?.invariant;
  let best: Shrunk = { history, outcome, tries: 0 };
  let tries = 0;

  async function fails(candidate: History, choices?: readonly number[]): Promise<boolean> {
    if (tries++ >= MOST_TRIES) return false;
    const tried = await run(candidate, choices === undefined ? {} : { choices });
    if (tried.violation === undefined || tried.violation.invariant !== invariant) return false;
    best = { history: candidate, outcome: tried, tries };
    return true;
  }

  /** Another history goes another way with the same choices: it gets some of its own as well. */
  async function stillFails(candidate: History): Promise<boolean> {
    if (await fails(candidate, best.outcome.choices)) return true;
    for (let more = 1; more <= FRESH_SEEDS; more++) {
      if (await fails({ ...candidate, seed: history.seed + more * 1_000_003 })) return true;
    }
    return false;
  }

  for (let before = ''; before !== sizeOf(best) && tries < MOST_TRIES; ) {
    before = sizeOf(best);
    for (const simplify of simplifications(best.history.setup))
      await stillFails({ ...best.history, setup: simplify(best.history.setup) });
    await dropChunks(best.history.operations.length, async (start, end) => {
      const operations = best.history.operations.filter((_, index) => index < start || index >= end);
      return stillFails({ ...best.history, operations });
    });
    await dropChunks(best.outcome.choices.length, async (start, end) => {
      const { choices } = best.outcome;
      if (!choices.slice(start, end).some((choice) => choice !== 0)) return false;
      const duller = choices.map((choice, index) => (index < start || index >= end ? choice : 0));
      await fails(best.history, duller);
      // A choice that is made dull stays in its place.
      return false;
    });
  }
  const traced = await run(best.history, { choices: best.outcome.choices, traced: true });
  return { history: best.history, outcome: traced, tries };
}

/** Half of it, a quarter of it, … one by one; `true` means that the chunk is gone, and what followed is in its place. */
async function dropChunks(
  length: number,
  drop: (start: number, end: number) => Promise<boolean>,
): Promise<void> {
  let left = length;
  for (let size = Math.ceil(length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < left; ) {
      const end = Math.min(left, start + size);
      if (await drop(start, end)) left -= end - start;
      else start = end;
    }
  }
}

/** Each takes one thing away. */
function simplifications({ rates }: Setup): ((setup: Setup) => Setup)[] {
  const kinds = Object.keys(rates) as FaultKind[];
  return [
    (setup) => ({ ...setup, destinations: [] }),
    (setup) => ({ ...setup, hosts: setup.hosts.slice(0, 1) }),
    (setup) => ({ ...setup, destinations: setup.destinations.slice(0, 1) }),
    (setup) => ({ ...setup, destinations: setup.destinations.slice(1) }),
    ({ fileManager: _none, ...setup }) => setup,
    (setup) => ({ ...setup, cdn: false }),
    (setup) => ({ ...setup, windowMs: 0 }),
    ...kinds.map((kind) => (setup: Setup) => ({ ...setup, rates: { ...setup.rates, [kind]: 0 } })),
  ];
}

function sizeOf({ history: { operations, setup }, outcome }: Shrunk): string {
  const faults = Object.values(setup.rates).filter((rate) => rate > 0).length;
  return `${operations.length} ${faults} ${outcome.choices.filter((choice) => choice !== 0).length}`;
}
