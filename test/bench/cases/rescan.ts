/** A look at a tree in which nothing has changed. */
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningAgent, startAgent, synced } from '../agent.ts';
import type { Bench } from '../bench.ts';
import { median, type Run } from '../figures.ts';
import { type Case, OURS } from '../runner.ts';
import { type Command, timed } from '../timed.ts';
import { A_MILLION, type Uploaded, unchanged, uploadedMillion } from './million.ts';

/** Of one agent, one after the other. */
const PASSES = 3;
const LOOK_EVERY_MS = 200;
const LONGEST_MS = 300_000;

export const rescanCase: Case = {
  name: 'rescan',
  what: `one look at ${A_MILLION} that are all uploaded and have not changed: the regular pass of an agent that runs, beside what only walks the tree`,
  async contenders(bench) {
    const million = await uploadedMillion(bench);
    const { path, files } = million.tree;
    const rclone = await bench.programs.rclone();
    const walks: [string, Command][] = [
      ['find', { program: 'find', args: [path, '-false'], environment: {} }],
      ['find with lstat', { program: 'find', args: [path, '-size', '+1048576G'], environment: {} }],
      ['rclone lsf', { program: rclone, args: ['lsf', '-R', '--config=', path], environment: {} }],
    ];
    return [
      { name: OURS, run: () => rescan(bench, million) },
      ...walks.map(([name, command]) => ({
        name,
        run: async (): Promise<Run> => ({ ...(await timed(bench, command)), objects: files }),
      })),
    ];
  },
};

async function rescan(bench: Bench, million: Uploaded): Promise<Run> {
  // Its log says when a pass begins and ends; it has a line for no file.
  const settings = { rescan: '2s', log: { level: 'DEBUG', format: 'json' } };
  const agent = await startAgent(bench, { ...million.options, settings });
  try {
    await agent.until(synced(million.tree.files));
    await untilPasses(agent, 0);
    const before = agent.usage();
    const run = await unchanged(million, async () => ({ seconds: median(await untilPasses(agent, PASSES)) }));
    const { cpuS, peakRssMb } = agent.usage();
    return { ...run, cpuS: (cpuS - before.cpuS) / PASSES, rssMb: peakRssMb };
  } finally {
    await agent.stop();
  }
}

/** The seconds of the passes that follow, when so many have ended; with 0 it waits until none is on. */
async function untilPasses(agent: RunningAgent, wanted: number): Promise<number[]> {
  const from = agent.log().length;
  const deadlineMs = performance.now() + LONGEST_MS;
  for (;;) {
    const passes = passesOf(agent.log().slice(from));
    if (wanted === 0 ? !isScanning(agent.log()) : passes.length >= wanted) return passes;
    if (performance.now() > deadlineMs) throw new Error('the agent does not say that its passes end');
    await delay(LOOK_EVERY_MS);
  }
}

function isScanning(log: string): boolean {
  return log.lastIndexOf('"scanning: ') > log.lastIndexOf('"scanned"');
}

function passesOf(log: string): number[] {
  const passes: number[] = [];
  let beganMs: number | undefined;
  for (const line of log.split('\n').filter((one) => one.endsWith('}'))) {
    const { time, message } = JSON.parse(line) as { time: string; message: string };
    if (message === 'scanning: interval') beganMs = Date.parse(time);
    if (message !== 'scanned' || beganMs === undefined) continue;
    passes.push((Date.parse(time) - beganMs) / 1000);
    beganMs = undefined;
  }
  return passes;
}
