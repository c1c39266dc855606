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
import type { Random } from '../random.ts';
import { createScene, type Scene } from '../scene.ts';
import { stopped } from '../stopped.ts';
import { createDisk, type Disk, type DiskKind } from '../volume.ts';
import { writerOf } from '../writer-of.ts';

const STEPS = 12;
const WORKING_MS = 400;
const KINDS: DiskKind[] = ['ext4', 'xfs'];

export const powerCutUnflushed: Campaign = {
  name: 'power-cut-unflushed',
  title: 'power cuts while files go up that nobody has flushed',
  cases: [3],
  needs: ['root', 'ext4', 'xfs'],
  rounds: 20,
  async run(world) {
    await Promise.all(KINDS.map((kind) => lane(world, kind, world.random.fork())));
  },
};

async function lane(world: World, kind: DiskKind, random: Random): Promise<void> {
  const disk = createDisk(world, kind, `unflushed-${kind}`);
  for (let number = 0; goesOn(world); number++) {
    world.tally.round();
    const base = join(disk.path, String(number));
    const scene = await createScene(world, 'move', { base });
    world.tally.wrong(await cutOnce(world, scene, disk, random));
    rmSync(base, { recursive: true });
  }
}

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
  await scene.start('once').exit;
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
