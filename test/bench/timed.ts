/** A command that ends by itself, and what it took. */
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcessGroup } from '../../infra/local/process-group.ts';
import type { Bench } from './bench.ts';
import type { Run } from './figures.ts';

export interface Command {
  program: string;
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
}

type Took = Required<Pick<Run, 'seconds' | 'cpuS' | 'rssMb'>>;

const WRAPPER = join(import.meta.dirname, 'timed.py');
const LONGEST_MS = 600_000;

/**
 * Throws, with the end of its output, when it fails or does not end.
 *
 * @param onOutput gets all that it has written
 */
export async function timed(
  bench: Bench,
  { program, args, environment }: Command,
  onOutput?: (text: string) => void,
): Promise<Took> {
  const directory = bench.newDirectory('run');
  const result = join(directory, 'took.json');
  const outputFile = join(directory, 'output');
  const output = openSync(outputFile, 'w');
  const group = startProcessGroup(await bench.programs.python(), [WRAPPER, result, program, ...args], {
    cwd: directory,
    environment: { PATH: process.env.PATH, HOME: directory, ...environment },
    output,
    endsWithParent: true,
  });
  closeSync(output);
  const stop = () => group.stop(0);
  const forget = bench.atEnd(stop);
  const timer = setTimeout(stop, LONGEST_MS);
  const end = await group.ended;
  clearTimeout(timer);
  forget();
  const said = () => readFile(outputFile, 'utf8');
  const took =
    end === 0 ? (JSON.parse(await readFile(result, 'utf8')) as Took & { exitCode: number }) : undefined;
  if (took?.exitCode !== 0) {
    throw new Error(
      `${program} ${args[0]} ended with ${took?.exitCode ?? end}: ${(await said()).trim().slice(-400)}`,
    );
  }
  onOutput?.(await said());
  return { seconds: took.seconds, cpuS: took.cpuS, rssMb: took.rssMb };
}
