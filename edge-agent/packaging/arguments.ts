/** The command line of `npm run build`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, type Architecture } from './runtime-files.ts';

export const USAGE = `usage: npm run build -- [--arch ${ARCHITECTURES.join('|')}]... [--out DIR]

  --arch  of the hosts; more than once for more (default: that of this machine)
  --out   where the executables, the SBOM and their checksums are written (default: dist)

Exit codes: 0 built; 1 it could not be; 2 wrong usage.
`;

/** What is wrong with the command line; nothing was built. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseArguments(args: readonly string[], projectDir: string) {
  const { arch, out, help } = parse(args);
  return { architectures: arch.map(architecture), out: out ?? join(projectDir, 'dist'), help };
}

function architecture(name: string): Architecture {
  const found = ARCHITECTURES.find((known) => known === name);
  if (found === undefined)
    throw new UsageError(`--arch: found ${name}, expected ${ARCHITECTURES.join(' or ')}`);
  return found;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        arch: { type: 'string', multiple: true, default: [process.arch] },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}
