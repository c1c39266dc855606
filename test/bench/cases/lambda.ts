/** The functions without AWS: how fast their code is, and how long they take to start. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NODE_OPTIONS } from '../../../infra/bundle.ts';
import type { Bench } from '../bench.ts';
import { bundlePair, coldStart, FUNCTIONS, type Started } from '../bundles.ts';
import { median, type Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';

type FunctionOf = (typeof FUNCTIONS)[number];

const execute = promisify(execFile);
const PROGRAM = fileURLToPath(import.meta.resolve('../functions-process.ts'));
/** What that program can run; the others wait for AWS most of their time. */
const WITH_CODE: ReadonlySet<string> = new Set(['event-replay', 'mirror', 'deliver', 'invalidate']);
const FIRST = 'event-replay';
/** Starts of a function and of its twin, in turns, for one run: single starts differ too much. */
const STARTS = 5;
const KB = 1000;

export const lambdaCase: Case = {
  name: 'lambda',
  what: `each function by itself, ${OURS} being ${FIRST}: events a second on ports that answer at once (a ledger that takes everything); its bundle; and the CPU of its start beside that of an empty handler with the same SDK clients`,
  beside: false,
  async contenders(bench) {
    const directory = bench.newDirectory('bundles');
    return FUNCTIONS.map((one) => ({
      name: one.name === FIRST ? OURS : one.name,
      run: () => measured(bench, one, directory),
    }));
  },
};

async function measured(bench: Bench, { name, batch }: FunctionOf, directory: string): Promise<Run> {
  const pair = await bench.shared(`bundle ${name}`, async () => bundlePair(name, directory));
  const code = WITH_CODE.has(name) ? await codeOf(name) : {};
  return { ...code, more: starts(pair, batch, bench.quick ? 1 : STARTS) };
}

async function codeOf(name: string): Promise<Run> {
  const { stdout } = await execute(process.execPath, [NODE_OPTIONS, PROGRAM, name]);
  return JSON.parse(stdout) as Run;
}

function starts({ file, twin, bytes, gzipBytes, startBytes }: Started, batch: boolean, count: number) {
  const ours: Run[] = [];
  const empty: Run[] = [];
  for (let start = 0; start < count; start++) {
    ours.push(coldStart(file, { batch }));
    empty.push(coldStart(twin, { batch }));
  }
  const cpuMs = (runs: readonly Run[]) => median(runs.map(({ cpuS = 0 }) => cpuS * 1000));
  return {
    bundleKb: bytes / KB,
    gzipKb: gzipBytes / KB,
    readAtStartKb: startBytes / KB,
    startCpuMs: cpuMs(ours),
    emptyHandlerCpuMs: cpuMs(empty),
    startRatio: cpuMs(ours) / cpuMs(empty),
    startRssMb: median(ours.map(({ rssMb = 0 }) => rssMb)),
  };
}
