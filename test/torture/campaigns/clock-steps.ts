/** The host's clock jumps, forwards and back, while files go up, come down and are deleted. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { faketimeLibrary } from '../requirements.ts';
import type { Mode } from '../scene.ts';
import { during, settled } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
const STEPS = ['+0', '+1h', '-1h', '-2d', '+400d', '-3650d', '+20m', '-10s'];
const JUMPS = 3;

export const clockSteps: Campaign = {
  name: 'clock-steps',
  title: "the host's clock jumps by seconds to years",
  cases: [48],
  needs: ['faketime'],
  rounds: 6,
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
    const clock = join(scene.base, 'clock');
    writeFileSync(clock, '+0');
    const agent = scene.start('run', {
      environment: {
        LD_PRELOAD: faketimeLibrary() ?? '',
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
    await agent.says('watching');
    for (let jump = 0; jump < JUMPS; jump++) {
      const step = random.pick(STEPS);
      writeFileSync(clock, step);
      tally.fired();
      await steps(scene.writer);
      tally.wrong(during(`${mode}, ${step}`, await settled(scene)));
    }
    await agent.kill();
    tally.wrong(during(mode, await heal(scene)));
  }
}
