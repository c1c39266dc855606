/** The folder is unmounted while the agent watches it, and comes back: an empty mount point is no empty folder. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault } from '../judge.ts';
import type { Random } from '../random.ts';
import { createScene, type Mode } from '../scene.ts';
import { during, settled } from '../settle.ts';
import { steps } from '../small-scene.ts';
import { createBind } from '../volume.ts';
import { writerOf } from '../writer-of.ts';

const MODES: Mode[] = ['mirror', 'move', 'receive'];
/** Deletes are collected for a moment before they are carried out. */
const AWAY_MS = 4_000;
const TOLD = /is not available|vanished|replaced|unmounted|lost its/;

export const unmounted: Campaign = {
  name: 'unmounted',
  title: 'the folder is unmounted under the watch and comes back',
  cases: [18, 19],
  needs: ['root'],
  rounds: 6,
  async run(world) {
    for (let number = 0; goesOn(world); number++) {
      world.tally.round();
      await unmountOnce(world, MODES[number % MODES.length] ?? 'mirror', world.random.fork(), number);
    }
  },
};

async function unmountOnce(world: World, mode: Mode, random: Random, number: number): Promise<void> {
  const { tally } = world;
  const volume = createBind(world, `bind-${number}`);
  const folder = join(volume.path, 'place');
  mkdirSync(folder);
  const scene = await createScene(world, mode, { folder });
  const { bucket, prefix } = scene;
  const writer = writerOf(scene, random, { large: 0 });
  const agent = scene.start('run');
  await agent.says('watching');
  await steps(writer);
  tally.wrong(during(`${mode}, before`, await settled(scene)));
  const before = await bucket.contents(prefix);
  volume.unmount();
  // The mount point may hold anything, even a directory of the same name.
  if (random.chance(0.5)) mkdirSync(folder);
  if (mode === 'receive') await steps(writer);
  await agent.says(TOLD);
  tally.fired();
  await delay(AWAY_MS);
  const now = await bucket.contents(prefix);
  const deleted = mode === 'receive' ? [] : [...before.keys()].filter((name) => !now.has(name));
  tally.wrong(deleted.map((name) => fault('lost', `${mode}: object ${name} went while the folder was away`)));
  volume.mount();
  await steps(writer);
  tally.wrong(during(`${mode}, back`, await settled(scene)));
  await agent.kill();
  tally.wrong(during(mode, await heal(scene)));
  volume.unmount();
}
