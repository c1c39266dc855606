/** A tree of a million files, and its first upload. */
import { setTimeout as delay } from 'node:timers/promises';
import { type AgentOptions, startAgent, synced } from '../agent.ts';
import type { Bench } from '../bench.ts';
import type { Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';
import type { Server } from '../servers.ts';
import { makeTree, type Tree } from '../trees.ts';

const FILES = 1_000_000;
const FILE_BYTES = 16;
export const MILLION_PREFIX = 'output/';
export const A_MILLION = `a million files of ${FILE_BYTES} bytes in 1,000 directories`;
const LOOK_EVERY_MS = 200;

export const backlogCase: Case = {
  name: 'backlog',
  what: `${A_MILLION}, there when the agent first starts, into the null store; the rate of the second and of the last tenth`,
  contenders: async (bench) => [
    { name: OURS, runs: 1, run: async () => (await uploadedMillion(bench)).upload },
  ],
};

export interface Uploaded {
  server: Server;
  tree: Tree;
  options: AgentOptions & { stateDirectory: string };
  upload: Run;
}

/** By ours, once for all cases that need it. */
export function uploadedMillion(bench: Bench): Promise<Uploaded> {
  return bench.shared('million', async () => {
    const server = await bench.sink();
    const files = bench.quick ? FILES / 10 : FILES;
    const tree = makeTree(bench.newDirectory('million'), {
      files,
      fileBytes: FILE_BYTES,
      perDirectory: 1000,
    });
    const options = {
      target: await server.newBucket(),
      folder: { path: tree.path, prefix: MILLION_PREFIX, mode: 'mirror' as const },
      stateDirectory: bench.newDirectory('million-state'),
    };
    return { server, tree, options, upload: await backlog(bench, server, tree, options) };
  });
}

async function backlog(bench: Bench, server: Server, tree: Tree, options: AgentOptions): Promise<Run> {
  const agent = await startAgent(bench, options);
  try {
    const times: number[] = [];
    for (let tenths = 1; tenths <= 10; tenths++) {
      while ((await server.stored(options.target)).objects < (tree.files * tenths) / 10) {
        await agent.until(() => true);
        await delay(LOOK_EVERY_MS);
      }
      times.push(performance.now());
    }
    await agent.until(synced(tree.files));
    const seconds = (performance.now() - agent.startedMs) / 1000;
    const { cpuS, peakRssMb } = agent.usage();
    const rate = (from: number, to: number) => (tree.files * 100) / (to - from);
    return {
      seconds,
      objects: tree.files,
      bytes: tree.bytes,
      cpuS,
      rssMb: peakRssMb,
      more: {
        // The first tenth begins with the scan; the second shows how fast files go while there are many.
        secondTenthPerS: rate(times[0] ?? 0, times[1] ?? 0),
        lastTenthPerS: rate(times[8] ?? 0, times[9] ?? 0),
      },
    };
  } finally {
    await agent.stop();
  }
}

/** Counts the requests, and makes sure that all the objects are still there. */
export async function unchanged({ server, tree, options }: Uploaded, work: () => Promise<Run>): Promise<Run> {
  const before = (await server.requests?.()) ?? 0;
  const run = await work();
  const requests = ((await server.requests?.()) ?? 0) - before;
  const { objects } = await server.stored(options.target);
  if (objects !== tree.files) throw new Error(`${objects} of ${tree.files} objects are in the store`);
  return { ...run, objects: tree.files, requests };
}
