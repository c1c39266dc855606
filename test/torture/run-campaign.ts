/** One campaign from its seed to its verdict, in a directory of its own that goes with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NotSaid } from './agent.ts';
import type { Campaign } from './campaign.ts';
import type { Hub } from './hub.ts';
import { randomOf } from './random.ts';
import { missing } from './requirements.ts';
import { type Counts, createTally } from './tally.ts';

export interface Verdict extends Counts {
  campaign: string;
  seconds: number;
  commit: string;
  seed: number;
  /** Of the end, ISO 8601. */
  date: string;
  /** Why it could not run, or not to its end. */
  failed: string;
}

export interface Run {
  seed: number;
  rounds: number | undefined;
  seeds?: number | undefined;
  /** Everything that a campaign writes is below. */
  directory: string;
  hub: Hub;
  /** How the agent is started. */
  agent(): Promise<readonly string[]>;
  stopping: AbortSignal;
  /** Whether the first thing that is wrong ends it. */
  failFast?: boolean;
}

export async function runCampaign(campaign: Campaign, run: Run): Promise<Verdict> {
  const startedMs = performance.now();
  const enough = new AbortController();
  const tally = createTally(() => {
    if (run.failFast === true) enough.abort();
  });
  const rounds = (campaign.countedBy === 'seeds' ? run.seeds : run.rounds) ?? campaign.rounds;
  let failed = missing(campaign.needs).join('; ');
  if (failed === '') {
    // A name that says nothing: the agent's messages have it in them, and are searched for what they tell.
    const directory = mkdtempSync(join(run.directory, 'c-'));
    const cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rmSync(directory, { recursive: true, force: true }));
    const { hub, agent } = run;
    const stopping = AbortSignal.any([run.stopping, enough.signal]);
    const random = randomOf(run.seed);
    try {
      await campaign.run({
        directory,
        agent,
        hub,
        random,
        seed: run.seed,
        rounds,
        tally,
        cleanup,
        stopping,
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error instanceof NotSaid) tally.wrong([{ kind: 'silent', what: error.message }]);
      else failed = error.stack ?? error.message;
    } finally {
      await cleanup.disposeAsync();
    }
    if (run.stopping.aborted) failed ||= 'interrupted';
  }
  return {
    campaign: campaign.name,
    ...tally.counts(),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    commit: commitNow(),
    seed: run.seed,
    date: new Date().toISOString(),
    failed,
  };
}

/** No fault, but also no proof: a campaign in which nothing was broken has failed too. */
export function hasFailed({ failed, fired, lost, partial, silent, notConverged }: Verdict): boolean {
  return failed !== '' || fired === 0 || lost + partial + silent + notConverged > 0;
}

export function commitNow(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
}
