#!/usr/bin/env node
/**
 * `npm run torture`: breaks the world around the real agent in every way that is known to break such programs, and
 * counts what was lost.
 *
 * Exit codes: 0 nothing; 1 something, or a campaign that could not run or in which no fault fired; 2 wrong usage.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtAgent } from '../setup/built-agent.ts';
import { once } from '../setup/once.ts';
import { WrongUsage } from '../setup/usage.ts';
import { type Arguments, chosen, parseArguments, USAGE } from './arguments.ts';
import type { Campaign } from './campaign.ts';
import { CAMPAIGNS } from './campaigns.ts';
import { plantedBugs, runPlanted } from './planted.ts';
import { headLine, verdictText } from './report.ts';
import { hasFailed, runCampaign } from './run-campaign.ts';
import { startServer } from './server.ts';

const WRONG = 1;
const WRONG_USAGE = 2;
const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(options: Arguments): Promise<number> {
  const { only, planted, list, help, json } = options;
  const bugs = planted ? chosen(plantedBugs(), only) : [];
  const campaigns = planted ? [] : chosen(CAMPAIGNS, only);
  if (help || list) {
    const rows = planted
      ? bugs.map(({ name, bug }) => [name, bug])
      : campaigns.map(({ name, title }) => [name, title]);
    print(help ? USAGE : rows.map(([name = '', title]) => `${name.padEnd(32)}${title}`).join('\n'));
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  const directory = mkdtempSync(join(tmpdir(), 'sluice-torture-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true, force: true }));
  if (!planted) return await runAll(campaigns, options, directory, cleanup, stopping.signal);
  const result = await runPlanted(bugs, directory, stopping.signal, print);
  print(JSON.stringify(result));
  if (json !== undefined) appendFileSync(json, `${JSON.stringify(result)}\n`);
  return result.missed.length === 0 ? 0 : WRONG;
}

async function runAll(
  campaigns: readonly Campaign[],
  { seed, seeds, rounds, json, failFast }: Arguments,
  directory: string,
  cleanup: AsyncDisposableStack,
  stopping: AbortSignal,
): Promise<number> {
  const hub = await startServer(directory, cleanup, print);
  const agent = once(async () => [await builtAgent(join(directory, 'agent'))]);
  let failures = 0;
  print(headLine());
  for (const campaign of campaigns) {
    if (stopping.aborted) break;
    const verdict = await runCampaign(campaign, {
      seed,
      seeds,
      rounds,
      directory,
      hub,
      agent,
      stopping,
      failFast,
    });
    if (hasFailed(verdict)) failures++;
    print(verdictText(verdict));
    if (json !== undefined) appendFileSync(json, `${JSON.stringify(verdict)}\n`);
  }
  return failures === 0 && !stopping.aborted ? 0 : WRONG;
}

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof WrongUsage)) throw error;
  process.stderr.write(`torture: ${error.message}\n${USAGE}`);
  process.exitCode = WRONG_USAGE;
}
