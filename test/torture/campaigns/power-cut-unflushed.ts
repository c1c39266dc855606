/**
 * The power goes out while files go up that their writers never flushed. What comes back of them may be empty or torn;
 * it must not take the place of what the bucket already had.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, type Fault, goesOn, type World } from '../campaign.ts';
import { fault } from '../judge.ts';
import { readTree } from '../look.ts';
import { nextBoot } from '../next-boot.ts';
import type { Random } from '../random.ts';
import { createScene, type Mode, type Scene } from '../scene.ts';
import { stopped } from '../stopped.ts';
import { createDisk, type Disk, type DiskKind } from '../volume.ts';
import { writerOf } from '../writer-of.ts';

const STEPS = 12;
const WORKING_MS = 400;
const KINDS: DiskKind[] = ['ext4', 'xfs'];
const MODES: Mode[] = ['move', 'mirror'];

export const powerCutUnflushed: Campaign = {
  name: 'power-cut-unflushed',
  title: 'power cuts while files go up that nobody has flushed',
  cases: [3],
  needs: ['root', 'ext4', 'xfs', 'unshare'],
  rounds: 20,
  async run(world) {
    const tries = KINDS.flatMap((kind) => {
      const disk = createDisk(world, kind, `unflushed-${kind}`);
      return MODES.map((mode) => ({ mode, disk }));
    });
    for (let number = 0; goesOn(world); number++) {
      const { mode, disk } = tries[number % tries.length] as (typeof tries)[number];
      world.tally.round();
      const base = join(disk.path, String(number));
      const scene = await createScene(world, mode, { base });
      world.tally.wrong(await cutOnce(world, scene, disk, world.random));
      rmSync(base, { recursive: true });
    }
  },
};

async function cutOnce(world: World, scene: Scene, disk: Disk, random: Random): Promise<Fault[]> {
  const { folder, truth, bucket, prefix } = scene;
  const agent = scene.start('run');
  await agent.says('watching');
  const writer = writerOf(scene, random, { names: 200, large: 0 });
  for (let step = 0; step < STEPS; step++) await writer.step();
  await delay(random.next() * WORKING_MS);
  await stopped(agent);
  disk.cut();
  world.tally.fired();
  await agent.kill();
  const there = await bucket.contents(prefix);
  const safe = truth.present().filter(([name, digest]) => there.get(name) === digest);
  disk.unmount();
  disk.mount();
  await scene.start('once', { wrapper: nextBoot(world, disk.path) }).exit;
  const [{ files }, objects] = [readTree(folder), await bucket.bytes(prefix)];
  return safe
    .filter(([name, digest]) => objects.get(name) !== digest && files.get(name) !== digest)
    .map(([name, digest]) =>
      fault(
        'lost',
        `${name} (${digest}) was in the bucket; now ${objects.get(name)}, file ${files.get(name)}`,
      ),
    );
}
