/**
 * `npm run sim -- [--seeds N] [--seed K] [--workers N] [--trace] [--json]`: simulates N histories from seed K on.
 *
 * Exit code 1 when an invariant was violated, or when a kind of fault never fired: then nothing is proved of it. Of the
 * first failure the shortest history that was found is printed; `--trace` prints every event of one seed.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Failure, neverFired, type Tally } from './campaign.ts';
import { FAULTS } from './faults.ts';
import { drawHistory } from './setup.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { inWorkers } from './workers.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const first = numberOf('seed', values.seed);
process.exitCode = values.trace ? await trace(first) : await campaign();

async function trace(seed: number): Promise<number> {
  const history = drawHistory(seed);
  const { trace: lines, violation } = await simulate(history, { traced: true });
  print(`${JSON.stringify(history, undefined, 1)}\n${lines.join('\n')}`);
  return violation === undefined ? 0 : 1;
}

async function campaign(): Promise<number> {
  const count = numberOf('seeds', values.seeds);
  const startedMs = performance.now();
  const tally = await inWorkers(first, count, numberOf('workers', values.workers));
  const seconds = (performance.now() - startedMs) / 1000;
  const silent = neverFired(tally);
  if (values.json) print(JSON.stringify({ ...tally, seconds, silent }));
  else report(tally, seconds);
  for (const kind of silent) print(`The fault '${kind}' never fired: nothing is proved of it.`);
  const [failure] = tally.failures.sort((left, right) => left.seed - right.seed);
  if (failure !== undefined && !values.json) await showShortest(failure);
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

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${name}: expected a whole number, found ${text}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
