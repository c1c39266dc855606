/**
 * The finished agent and functions beside the tools that people use otherwise, in one run and in turns. A benchmark is
 * not a test: nothing here fails because it is slow, but what did not do all its work has failed.
 *
 * Exit codes: 0 done; 1 a contender failed; 2 wrong usage.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { builtAgent } from '../setup/built-agent.ts';
import { parseArguments, UsageError, usage } from './arguments.ts';
import { createBench } from './bench.ts';
import { CASES } from './cases/all.ts';
import { provenance } from './provenance.ts';
import { readLines, render } from './render.ts';
import { runCase } from './runner.ts';
import { tableText } from './table.ts';

const NAMES = CASES.map(({ name }) => name);
const BUILT_AGENT = join(import.meta.dirname, '../../.sluice/bench/agent');
const DOCS = join(import.meta.dirname, '../../docs');
const FAILED = 1;
const WRONG_USAGE = 2;
const INTERRUPTED = 130;

async function main(): Promise<number> {
  const {
    help,
    cases,
    runs,
    quick,
    agent,
    json,
    render: rendered,
  } = parseArguments(process.argv.slice(2), NAMES);
  if (help) {
    process.stdout.write(usage(NAMES));
    return 0;
  }
  if (rendered !== undefined) {
    render(DOCS, readLines(rendered), CASES);
    return 0;
  }
  if (json !== undefined) writeFileSync(json, '');
  // What runs is ended then, and the failures that follow from that are of no interest.
  let interrupted = false;
  const bench = createBench({
    quick,
    agent: [agent === undefined ? await builtAgent(BUILT_AGENT) : resolve(agent)],
    say: (line) => void (interrupted || process.stderr.write(`${line}\n`)),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true;
      void bench.close().finally(() => process.exit(INTERRUPTED));
    });
  }
  const origin = provenance(quick);
  let failed = false;
  try {
    for (const one of CASES.filter(({ name }) => cases.includes(name))) {
      process.stdout.write(`${one.name}: ${one.what}${quick ? ', a tenth of it' : ''}\n`);
      const lines = await runCase(bench, one, runs);
      if (interrupted) break;
      process.stdout.write(`${tableText(lines, one.beside)}\n`);
      failed ||= lines.some((line) => line.failed !== undefined);
      if (json === undefined) continue;
      for (const line of lines) appendFileSync(json, `${JSON.stringify({ ...line, ...origin })}\n`);
    }
  } finally {
    await bench.close();
  }
  return failed ? FAILED : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${usage(NAMES)}`);
  process.exitCode = WRONG_USAGE;
}
