/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { nearestWord } from '#core/nearest-word.ts';

export interface Arguments {
  /** In the order in which they run. */
  cases: string[];
  runs: number;
  quick: boolean;
  /** An executable to measure in place of the one that is built. */
  agent?: string;
  /** Where the lines are written. */
  json?: string;
  /** The lines of this file become docs/performance.md; nothing is measured. */
  render?: string;
  help: boolean;
}

export class UsageError extends Error {}

const RUNS = 3;

export function usage(known: readonly string[]): string {
  return `usage: npm run bench -- [--only CASE,...] [--runs N] [--quick] [--agent FILE] [--json FILE] | --render FILE | --help

  --only     of ${known.join(', ')}
  --runs     of each contender, one after the other in turns (${RUNS})
  --quick    a tenth of the work, to see that everything runs
  --agent    an executable to measure in place of the one that npm run build makes
  --json     one line for each contender and case
  --render   write the figures of docs/performance.md and docs/comparison.md from such a file

Exit codes: 0 done; 1 a contender failed; 2 wrong usage.
`;
}

/** Throws `UsageError` that says what is wrong. */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { only, runs = String(RUNS), quick = false, agent, json, render, help = false } = parse(args);
  const wanted = only?.split(',').map((name) => name.trim());
  for (const name of wanted ?? []) {
    if (known.includes(name)) continue;
    const near = nearestWord(name, known);
    throw new UsageError(
      `${name} is no case${near === undefined ? '.' : `: did you mean ${near}?`} There are ${known.join(', ')}`,
    );
  }
  if (!/^[1-9]\d?$/.test(runs)) throw new UsageError(`--runs: found ${runs}, expected 1 to 99`);
  return {
    cases: wanted === undefined ? [...known] : known.filter((name) => wanted.includes(name)),
    runs: Number(runs),
    quick,
    help,
    ...(agent === undefined ? {} : { agent }),
    ...(json === undefined ? {} : { json }),
    ...(render === undefined ? {} : { render }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        runs: { type: 'string' },
        quick: { type: 'boolean' },
        agent: { type: 'string' },
        json: { type: 'string' },
        render: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}
