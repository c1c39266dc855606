/** The power goes out while files go up or come down: what was flushed is in the folder or in the bucket. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { collect } from '../collect.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import { nextBoot } from '../next-boot.ts';
import type { Random } from '../random.ts';
import { createScene, type Mode, type Scene } from '../scene.ts';
import { stopped } from '../stopped.ts';
import { createDisk, type Disk, type DiskKind } from '../volume.ts';
import type { Writer } from '../writer.ts';
import { writerOf } from '../writer-of.ts';

const CUTS_TO_HEAL = 5;
const STEPS_BEFORE = 4;
const WORKING_MS = 400;
/** Until what was done last is on its way, or done. */
const AFTER_MS = 100;
interface Lane {
  mode: Mode;
  kind: DiskKind;
  /** Whether the index is on the disk of the folder: then each of its commits flushes what the folder has not. */
  together: boolean;
}

const LANES: Lane[] = [
  { mode: 'move', kind: 'ext4', together: true },
  { mode: 'receive', kind: 'ext4', together: false },
  { mode: 'receive', kind: 'xfs', together: false },
  { mode: 'move', kind: 'xfs', together: false },
  { mode: 'mirror', kind: 'ext4', together: true },
  { mode: 'receive', kind: 'xfs', together: true },
];

export const powerCut: Campaign = {
  name: 'power-cut',
  title: 'power cuts on ext4 and xfs while files go up and come down',
  cases: [3, 4],
  needs: ['root', 'ext4', 'xfs', 'unshare'],
  rounds: 40,
  async run(world) {
    await Promise.all(LANES.map((one) => lane(world, one, world.random.fork())));
  },
};

async function lane(world: World, { mode, kind, together }: Lane, random: Random): Promise<void> {
  const disk = createDisk(world, kind, `${mode}-${kind}${together ? '-together' : ''}`);
  const scene = await createScene(
    world,
    mode,
    together ? { base: disk.path } : { folder: join(disk.path, 'folder') },
  );
  const writer = writerOf(scene, random, { durable: true });
  // A name that goes before the agent has looked again at its object is not known to it: docs/reliability.md says so.
  const early = mode === 'mirror' ? writerOf(scene, random, { durable: true, keeps: true }) : writer;
  world.tally.wrong(await heal(scene));
  for (let cuts = 0; goesOn(world); ) {
    world.tally.round();
    await cutOnce(world, scene, disk, { writer, early }, random);
    if (++cuts % CUTS_TO_HEAL === 0) {
      world.tally.wrong(await heal(scene));
      collect(scene);
    }
  }
  world.tally.wrong(await heal(scene));
}

async function cutOnce(
  world: World,
  scene: Scene,
  disk: Disk,
  { writer, early }: { writer: Writer; early: Writer },
  random: Random,
): Promise<void> {
  const agent = scene.start('run', { wrapper: nextBoot(world, disk.path) });
  for (let step = 0; step < STEPS_BEFORE; step++) await early.step();
  await agent.says('watching');
  await early.step();
  await delay(random.next() * WORKING_MS);
  await writer.step();
  await delay(random.next() * AFTER_MS);
  // Stopped first: a flush that is asked for after the cut may be answered as done.
  await stopped(agent);
  disk.cut();
  world.tally.fired();
  await agent.kill();
  disk.unmount();
  disk.mount();
  world.tally.wrong(await judgeNow(scene));
}
