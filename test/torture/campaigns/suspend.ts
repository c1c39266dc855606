/** The host is suspended at any moment; meanwhile both sides change. What was decided before is not carried out. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import type { Mode } from '../scene.ts';
import { during, settled } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';
import { stopped } from '../stopped.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
const WORKING_MS = 300;
const PAUSES = 5;

export const suspend: Campaign = {
  name: 'suspend',
  title: 'suspended at any moment while both sides change',
  cases: [7, 21],
  needs: [],
  rounds: 9,
  async run(world) {
    await Promise.all(MODES.map((mode) => lane(world, mode)));
  },
};

async function lane(world: World, mode: Mode): Promise<void> {
  const { tally } = world;
  const random = world.random.fork();
  while (goesOn(world)) {
    tally.round();
    const scene = await smallScene(world, mode, random);
    const agent = scene.start('run');
    await agent.says('watching');
    for (let pause = 0; pause < PAUSES; pause++) {
      await steps(scene.writer, 4);
      await delay(random.next() * WORKING_MS);
      await stopped(agent);
      tally.fired();
      // A file that it has leased cannot be opened for writing now: those are left for a better moment.
      await steps(scene.writer, 3, false);
      tally.wrong(during(`${mode}, suspended`, await judgeNow(scene)));
      agent.process.kill('SIGCONT');
    }
    tally.wrong(during(`${mode}, resumed`, await settled(scene)));
    await agent.kill();
    tally.wrong(during(mode, await heal(scene)));
  }
}
