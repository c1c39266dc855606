/**
 * The numbers of the runs over time, for plots: fine for the last day, coarser the older they are, for a month. Where
 * points are put together, what is counted is added, of what is measured the highest stays, so that no spike is lost.
 */

export interface SeriesPoint {
  atMs: number;
  /** Counted since the point before, such as changes. */
  sums: Record<string, number>;
  /** Measured, such as depths: the highest. */
  peaks: Record<string, number>;
  /** True at that time, such as the number of objects. */
  levels: Record<string, number>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Youngest first: points of that age are one for each step. */
const TIERS = [
  { upToMs: DAY_MS, stepMs: 5 * MINUTE_MS },
  { upToMs: 7 * DAY_MS, stepMs: HOUR_MS },
  { upToMs: 31 * DAY_MS, stepMs: 6 * HOUR_MS },
];

/** The points with one more, oldest first; those that are older than a month are left out. */
export function withPoint(points: readonly SeriesPoint[], next: SeriesPoint): SeriesPoint[] {
  const kept: SeriesPoint[] = [];
  let lastStep = '';
  for (const point of [...points, next].sort((left, right) => left.atMs - right.atMs)) {
    const tier = TIERS.find(({ upToMs }) => next.atMs - point.atMs < upToMs);
    if (tier === undefined) continue;
    const step = `${tier.stepMs}/${Math.floor(point.atMs / tier.stepMs)}`;
    const last = kept.at(-1);
    if (last !== undefined && step === lastStep) kept[kept.length - 1] = together(last, point);
    else kept.push(point);
    lastStep = step;
  }
  return kept;
}

function together(left: SeriesPoint, right: SeriesPoint): SeriesPoint {
  return {
    atMs: right.atMs,
    sums: combined(left.sums, right.sums, (a, b) => a + b),
    peaks: combined(left.peaks, right.peaks, Math.max),
    levels: { ...left.levels, ...right.levels },
  };
}

function combined(
  left: Readonly<Record<string, number>>,
  right: Readonly<Record<string, number>>,
  combine: (a: number, b: number) => number,
): Record<string, number> {
  const entries = new Map(Object.entries(left));
  for (const [name, value] of Object.entries(right)) {
    const known = entries.get(name);
    entries.set(name, known === undefined ? value : combine(known, value));
  }
  return Object.fromEntries(entries);
}
