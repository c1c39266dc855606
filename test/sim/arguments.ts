/** The command line of `npm run sim`. */
import { parseArgs } from 'node:util';
import { asUsage, wholeNumber } from '../setup/usage.ts';

export const USAGE = `usage: npm run sim -- [--seeds N] [--seed K] [--workers N] [--trace] [--json]

  --seeds N    histories to simulate (default: 10000)
  --seed K     where their seeds begin (default: 1)
  --workers N  threads (default: one for each core)
  --trace      print every event of the one history of --seed
  --json       what came of them as one JSON line

Exit codes: 0 no invariant was violated; 1 one was, or a kind of fault never fired; 2 wrong usage.
`;

export interface Arguments {
  seeds: number;
  seed: number;
  workers: number | undefined;
  trace: boolean;
  json: boolean;
  help: boolean;
}

/** @throws WrongUsage */
export function parseArguments(args: readonly string[]): Arguments {
  return asUsage(() => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        seed: { type: 'string' },
        workers: { type: 'string' },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { trace, json, help } = values;
    return {
      seeds: wholeNumber('--seeds', values.seeds, 1) ?? 10_000,
      seed: wholeNumber('--seed', values.seed, 0) ?? 1,
      workers: wholeNumber('--workers', values.workers, 1),
      trace,
      json,
      help,
    };
  });
}
