/** The same again, when everything is uploaded. */
import { startAgent, synced } from '../agent.ts';
import type { Bench } from '../bench.ts';
import { peersOf } from '../contenders/peer.ts';
import type { Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';
import { timed } from '../timed.ts';
import { A_MILLION, MILLION_PREFIX, type Uploaded, unchanged, uploadedMillion } from './million.ts';

export const rerunCase: Case = {
  name: 'rerun',
  what: `${A_MILLION}, all uploaded: the same command again, until it knows that nothing is to be done; ours is a new start of \`agent run\``,
  async contenders(bench) {
    const million = await uploadedMillion(bench);
    const { tree, options } = million;
    const peers = await peersOf(bench);
    return [
      { name: OURS, run: () => unchanged(million, () => restart(bench, million)) },
      ...peers.map(({ name, rerun }) => ({
        name,
        // Minutes each.
        runs: 1,
        run: () => unchanged(million, () => timed(bench, rerun(tree.path, options.target, MILLION_PREFIX))),
      })),
    ];
  },
};

async function restart(bench: Bench, { tree, options }: Uploaded): Promise<Run> {
  const agent = await startAgent(bench, options);
  try {
    await agent.until(synced(tree.files));
    const seconds = (performance.now() - agent.startedMs) / 1000;
    const { cpuS, peakRssMb } = agent.usage();
    return { seconds, cpuS, rssMb: peakRssMb };
  } finally {
    await agent.stop();
  }
}
