/** Simulated histories of hosts, stores, queues and functions, on a clock of their own: test/sim. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Tally } from '../../sim/campaign.ts';
import type { Campaign, Kind } from '../campaign.ts';

/** Silent are the kinds of faults that never fired. */
type Simulated = Tally & { silent: string[] };

const MAIN = join(import.meta.dirname, '../../sim/main.ts');
/** By the invariant of the design that was violated. */
const KINDS: Record<string, Kind> = { I1: 'lost', I2: 'partial', I3: 'notConverged', I4: 'silent' };

export const simulation: Campaign = {
  name: 'simulation',
  title: 'simulated histories with every fault at any step, invariants asserted at each',
  cases: [1, 4, 7, 9, 44, 46, 48, 51, 52, 54],
  needs: [],
  rounds: 10_000,
  countedBy: 'seeds',
  async run({ rounds, seed, tally, cleanup, stopping }) {
    const child = spawn(
      process.execPath,
      [MAIN, '--seeds', String(rounds), '--seed', String(seed), '--json'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        signal: stopping,
      },
    );
    cleanup.defer(() => void child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const output = Buffer.concat(await Array.fromAsync(child.stdout as AsyncIterable<Buffer>)).toString();
    const code = await ended;
    const [line = ''] = output.split('\n');
    const { seeds, fired, failures, silent }: Simulated = JSON.parse(line);
    tally.round(seeds);
    tally.fired(Object.values(fired).reduce((sum, count) => sum + count, 0));
    for (const { seed: failed, violation } of failures) {
      const { invariant, text } = violation;
      tally.wrong([
        { kind: KINDS[invariant] ?? 'notConverged', what: `seed ${failed}: ${invariant}: ${text}` },
      ]);
    }
    if (silent.length > 0) throw new Error(`faults that never fired: ${silent.join(', ')}`);
    if (code !== 0 && failures.length === 0) throw new Error(`the simulation ended with ${code}`);
  },
};
