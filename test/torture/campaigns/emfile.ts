/** Too few descriptors: nothing is taken for gone because it could not be opened. */
import { rmSync } from 'node:fs';
import type { Campaign, World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault, judgeNow } from '../judge.ts';
import { inLanes } from '../lanes.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { during } from '../settle.ts';
import { smallScene } from '../small-scene.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
/** From too few to start with, to nearly enough. */
const FEWEST = 20;
const RANGE = 30;
const WITHIN_MS = 60_000;

export const emfile: Campaign = {
  name: 'emfile',
  title: 'too few file descriptors',
  cases: [12],
  needs: ['prlimit'],
  rounds: 20,
  run: (world) => inLanes(world, (random, number) => limitOnce(world, random, number)),
};

async function limitOnce(world: World, random: Random, number: number): Promise<void> {
  const mode = MODES[number % MODES.length] ?? 'move';
  const limit = FEWEST + random.below(RANGE);
  const scene = await smallScene(world, mode, random);
  const agent = scene.start('once', { wrapper: ['prlimit', `--nofile=${limit}`] });
  const timer = setTimeout(() => void agent.kill(), WITHIN_MS);
  const code = await agent.exit;
  clearTimeout(timer);
  const told = /EMFILE|too many open files/i.test(agent.output());
  if (told || code !== 0) world.tally.fired();
  if (code !== 0 && agent.output() === '' && typeof code === 'number') {
    world.tally.wrong([fault('silent', `${mode}, ${limit} descriptors: ends with ${code} and says nothing`)]);
  }
  world.tally.wrong(during(`${mode}, ${limit} descriptors`, await judgeNow(scene)));
  world.tally.wrong(during(`${mode}, ${limit} descriptors`, await heal(scene)));
  rmSync(scene.base, { recursive: true });
}
