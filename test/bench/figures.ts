/** From single runs to the line that is written down. */

/** What one run took; what has no meaning for a case is left out. */
export interface Run {
  seconds?: number;
  objects?: number;
  bytes?: number;
  cpuS?: number;
  /** The highest. */
  rssMb?: number;
  /** That reached the store. */
  requests?: number;
  /** What only this case measures, by name with unit. */
  more?: Readonly<Record<string, number>>;
}

/** One line of the JSON: medians over the runs; `null` where it has no meaning. */
export interface Line {
  case: string;
  contender: string;
  runs: number;
  objectsPerS: number | null;
  mbPerS: number | null;
  cpuSPer1000: number | null;
  rssMb: number | null;
  requests: number | null;
  /** Why there are no figures. */
  failed?: string;
  [more: string]: string | number | boolean | null | undefined;
}

const MB = 1_000_000;

/** Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  if (upper === undefined) throw new RangeError('there is no median of nothing');
  const lower = sorted[Math.ceil(middle) - 1] ?? upper;
  return (lower + upper) / 2;
}

/** The value below which `share` of the values are, by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('there is no percentile of nothing');
  return value;
}

export function lineOf(caseName: string, contender: string, runs: readonly Run[]): Line {
  const over = (value: (run: Run) => number | undefined, digits: number): number | null => {
    const values = runs.map(value).filter((one) => one !== undefined);
    return values.length === 0 ? null : significant(median(values), digits);
  };
  const names = new Set(runs.flatMap(({ more = {} }) => Object.keys(more)));
  return {
    case: caseName,
    contender,
    runs: runs.length,
    objectsPerS: over(({ objects, seconds }) => quotient(objects, seconds), 4),
    mbPerS: over(({ bytes, seconds }) => quotient(bytes === undefined ? bytes : bytes / MB, seconds), 4),
    cpuSPer1000: over(
      ({ cpuS, objects }) => quotient(cpuS, objects === undefined ? objects : objects / 1000),
      3,
    ),
    rssMb: over(({ rssMb }) => rssMb, 3),
    requests: over(({ requests }) => requests, 9),
    seconds: over(({ seconds }) => seconds, 4),
    ...Object.fromEntries([...names].map((name) => [name, over(({ more }) => more?.[name], 4)])),
  };
}

export function failedLine(caseName: string, contender: string, reason: string): Line {
  const nothing = { objectsPerS: null, mbPerS: null, cpuSPer1000: null, rssMb: null, requests: null };
  return { case: caseName, contender, runs: 0, ...nothing, failed: reason };
}

function quotient(of: number | undefined, by: number | undefined): number | undefined {
  return of === undefined || by === undefined || by === 0 ? undefined : of / by;
}

function significant(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
