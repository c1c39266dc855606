/** The command line of `npm run torture`. */
import { parseArgs } from 'node:util';
import { nearestWord } from '#core/nearest-word.ts';
import { asUsage, WrongUsage, wholeNumber } from '../setup/usage.ts';

export const USAGE = `usage: npm run torture -- [--only CAMPAIGN,…] [--rounds N] [--seed K] [--seeds N] [--json FILE] [--fail-fast] [--planted] [--list]

  --only CAMPAIGN,…  these campaigns, or with --planted these patches
  --rounds N         of each campaign (default: the campaign's own)
  --seed K           where the choices of every campaign begin (default: 1)
  --seeds N          histories of the simulation
  --json FILE        append one JSON line for each campaign
  --fail-fast        end a campaign at the first thing that is wrong
  --planted          plant each bug of test/torture/planted in a copy of the tree; each must be caught
  --list             the campaigns, and what each tries
`;

export interface Arguments {
  only: readonly string[] | undefined;
  rounds: number | undefined;
  seed: number;
  seeds: number | undefined;
  json: string | undefined;
  failFast: boolean;
  planted: boolean;
  list: boolean;
  help: boolean;
}

export function parseArguments(args: readonly string[]): Arguments {
  return asUsage(() => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        seed: { type: 'string' },
        seeds: { type: 'string' },
        json: { type: 'string' },
        'fail-fast': { type: 'boolean', default: false },
        planted: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const { only, json, planted, list, help } = values;
    return {
      only: only?.split(',').map((name) => name.trim()),
      rounds: wholeNumber('--rounds', values.rounds, 1),
      seed: wholeNumber('--seed', values.seed, 1) ?? 1,
      seeds: wholeNumber('--seeds', values.seeds, 1),
      json,
      failFast: values['fail-fast'],
      planted,
      list,
      help,
    };
  });
}

/** Those that were asked for, in their own order; all of them when none was. */
export function chosen<T extends { name: string }>(
  known: readonly T[],
  only: readonly string[] | undefined,
): T[] {
  const names = known.map(({ name }) => name);
  for (const name of only ?? []) {
    if (names.includes(name)) continue;
    const near = nearestWord(name, names);
    const advice = near === undefined ? `known: ${names.join(', ')}` : `did you mean ${near}?`;
    throw new WrongUsage(`--only: there is no ${name}; ${advice}`);
  }
  return known.filter(({ name }) => only?.includes(name) ?? true);
}
