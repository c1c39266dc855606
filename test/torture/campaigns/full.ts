/** No bytes, or no inodes, are left for downloads, for uploads' index, or for both; then there are some again. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { fillBytes, fillInodes } from '../fill.ts';
import { heal } from '../heal.ts';
import { fault } from '../judge.ts';
import { createScene, type Mode } from '../scene.ts';
import { during, settled, settledOr } from '../settle.ts';
import { steps } from '../small-scene.ts';
import { createMemoryDisk, type Volume } from '../volume.ts';
import { writerOf } from '../writer-of.ts';

const STEPS = 20;
/** Whatever words the agent has for it. */
const TOLD = /ENOSPC|no space|is full|no room|make room|waits? for room/i;
/** What is short: where the files are, or where the index is. */
interface Shortage {
  mode: Mode;
  short: 'folder' | 'state';
}

const FOLDERS: Shortage[] = [
  { mode: 'receive', short: 'folder' },
  { mode: 'move', short: 'folder' },
];
/** The index makes no file once it is open. */
const EVERYWHERE: Shortage[] = [
  ...FOLDERS,
  { mode: 'move', short: 'state' },
  { mode: 'receive', short: 'state' },
  { mode: 'mirror', short: 'state' },
];

export const diskFull: Campaign = {
  name: 'disk-full',
  title: 'no bytes left for the folder or the index, and then some again',
  cases: [10, 15],
  needs: ['root'],
  rounds: 10,
  run: (world) =>
    campaign(world, EVERYWHERE, 'size=4m', (path) => fillBytes(path, world.random.below(5) * 4096)),
};

export const inodesFull: Campaign = {
  name: 'inodes-full',
  title: 'no inodes left for the folder or the index, and then some again',
  cases: [11],
  needs: ['root'],
  rounds: 10,
  run: (world) =>
    campaign(world, FOLDERS, 'size=16m,nr_inodes=200', (path) => fillInodes(path, world.random.below(3))),
};

async function campaign(
  world: World,
  shortages: readonly Shortage[],
  options: string,
  fill: (path: string) => () => void,
): Promise<void> {
  for (let number = 0; goesOn(world); number++) {
    world.tally.round();
    const shortage = shortages[number % shortages.length] ?? { mode: 'move', short: 'folder' };
    await fillOnce(world, shortage, createMemoryDisk(world, `v${number}`, options), fill);
  }
}

async function fillOnce(
  world: World,
  { mode, short }: Shortage,
  { path, unmount }: Volume,
  fill: (path: string) => () => void,
): Promise<void> {
  const { tally, random } = world;
  const place = join(path, 'place');
  mkdirSync(place);
  const scene = await createScene(world, mode, { [short]: place });
  const writer = writerOf(scene, random, { large: 0 });
  const agent = scene.start('run');
  await agent.says('watching');
  // Where the writer itself has no room, what he had is what there is.
  if (mode !== 'receive') await steps(writer, STEPS);
  const free = fill(path);
  if (mode === 'receive' || short === 'state') await steps(writer, STEPS);
  const told = () => TOLD.test(agent.output());
  const left = await settledOr(scene, told);
  if (told()) tally.fired();
  else tally.wrong(left.map(({ what }) => fault('silent', `${mode}, ${short}: ${what}`)));
  free();
  tally.wrong(during(`${mode}, ${short}: by itself`, await settled(scene)));
  await agent.kill();
  tally.wrong(during(`${mode}, ${short}`, await heal(scene)));
  unmount();
}
