/** Two agents on one folder, and two folders on one prefix: the second refuses, also when the first is killed. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault, judgeNow } from '../judge.ts';
import { createScene, type Mode } from '../scene.ts';
import { during } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
const WORKING_MS = 300;

export const twoAgents: Campaign = {
  name: 'two-agents',
  title: 'two agents on one folder, and two folders on one prefix',
  cases: [20],
  needs: [],
  rounds: 6,
  async run(world) {
    for (let number = 0; goesOn(world); number++) {
      world.tally.round();
      await refuseOnce(world, MODES[number % MODES.length] ?? 'move');
    }
  },
};

async function refuseOnce(world: World, mode: Mode): Promise<void> {
  const { tally, random } = world;
  const scene = await smallScene(world, mode, random);
  const first = scene.start('run');
  await first.says('watching');
  const second = scene.start('once');
  const code = await second.exit;
  const saysWhy = /is locked by|locked/.test(second.output());
  if (code !== 0 && saysWhy) tally.fired();
  else
    tally.wrong([
      fault('silent', `${mode}: a second agent on the folder ends with ${code}: ${second.output()}`),
    ]);

  const elsewhere = await createScene(world, mode, { bucket: scene.bucket });
  const other = elsewhere.start('once');
  if ((await other.exit) !== 0 && other.output().includes('belongs to agent')) tally.fired();
  else tally.wrong([fault('silent', `${mode}: a second folder on the prefix: ${other.output()}`)]);

  await steps(scene.writer);
  await delay(random.next() * WORKING_MS);
  await first.kill();
  tally.wrong(during(mode, await judgeNow(scene)));
  // The lock has gone with its holder.
  tally.wrong(during(mode, await heal(scene)));
  for (const { base } of [scene, elsewhere]) rmSync(base, { recursive: true });
}
