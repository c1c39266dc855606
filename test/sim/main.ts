/**
 * `npm run sim`: simulates histories, one for each seed, and judges them.
 *
 * A kind of fault that never fired is a failure too: then nothing is proved of it. Of the first failure the shortest
 * history that was found is printed.
 */
import { availableParallelism } from 'node:os';
import { WrongUsage } from '../setup/usage.ts';
import { type Arguments, parseArguments, USAGE } from './arguments.ts';
import { type Failure, neverFired, type Tally } from './campaign.ts';
import { FAULTS } from './faults.ts';
import { drawHistory } from './setup.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { inWorkers } from './workers.ts';

const WRONG_USAGE = 2;

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof WrongUsage)) throw error;
  process.stderr.write(`sim: ${error.message}\n${USAGE}`);
  process.exitCode = WRONG_USAGE;
}

async function main(options: Arguments): Promise<number> {
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  return options.trace ? await trace(options.seed) : await campaign(options);
}

async function trace(seed: number): Promise<number> {
  const history = drawHistory(seed);
  const { trace: lines, violation } = await simulate(history, { traced: true });
  print(`${JSON.stringify(history, undefined, 1)}\n${lines.join('\n')}`);
  return violation === undefined ? 0 : 1;
}

async function campaign({ seed, seeds, workers, json }: Arguments): Promise<number> {
  const startedMs = performance.now();
  const tally = await inWorkers(seed, seeds, workers ?? availableParallelism());
  const seconds = (performance.now() - startedMs) / 1000;
  const silent = neverFired(tally);
  if (json) print(JSON.stringify({ ...tally, seconds, silent }));
  else report(tally, seconds);
  for (const kind of silent) print(`The fault '${kind}' never fired: nothing is proved of it.`);
  const [failure] = tally.failures.sort((left, right) => left.seed - right.seed);
  if (failure !== undefined && !json) await showShortest(failure);
  return failure === undefined && silent.length === 0 ? 0 : 1;
}

function report({ seeds, steps, fired, reached, failures }: Tally, seconds: number): void {
  print(`${seeds} histories, ${steps} events, ${seconds.toFixed(1)} s, ${(seeds / seconds).toFixed(0)}/s`);
  print('\nFaults that fired:');
  for (const kind of FAULTS) print(`${String(fired[kind]).padStart(10)}  ${kind}`);
  print('\nWhat was logged:');
  for (const [line, count] of Object.entries(reached).sort(([, left], [, right]) => right - left))
    print(`${String(count).padStart(10)}  ${line}`);
  print(`\n${failures.length} histories violated an invariant.`);
  for (const { seed, violation } of failures.slice(0, 10))
    print(`  seed ${seed}: ${violation.invariant}: ${violation.text}`);
}

async function showShortest({ seed }: Failure): Promise<void> {
  const history = drawHistory(seed);
  const { history: short, outcome, tries } = await shrink(history, await simulate(history));
  print(`\nThe shortest history of seed ${seed} that was found, in ${tries} tries:`);
  print(JSON.stringify(short.setup));
  print(outcome.trace.join('\n'));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
