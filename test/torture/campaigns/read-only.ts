/** The disk has an error and its file system becomes read-only under the agent; later it is repaired and mounted again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault, judgeNow } from '../judge.ts';
import { createScene, type Mode } from '../scene.ts';
import { during, settledOr } from '../settle.ts';
import { steps } from '../small-scene.ts';
import { createDisk, type Disk } from '../volume.ts';
import { writerOf } from '../writer-of.ts';

const MODES: Mode[] = ['move', 'receive'];
const TOLD = /EROFS|read-only|readonly|cannot be used|Check the disk/i;

export const readOnly: Campaign = {
  name: 'read-only',
  title: 'the file system becomes read-only under the agent',
  cases: [14],
  needs: ['root', 'ext4'],
  rounds: 6,
  async run(world) {
    for (let number = 0; goesOn(world); number++) {
      world.tally.round();
      const disk = createDisk(world, 'ext4', `v${number}`, 'errors=remount-ro');
      await breakOnce(world, MODES[number % MODES.length] ?? 'move', number, disk);
    }
  },
};

async function breakOnce(world: World, mode: Mode, number: number, disk: Disk): Promise<void> {
  const { tally, random } = world;
  const [folder, withState] = [join(disk.path, 'folder'), number % 4 >= 2];
  mkdirSync(folder);
  const scene = await createScene(world, mode, {
    folder,
    ...(withState ? { state: join(disk.path, 'state') } : {}),
  });
  const writer = writerOf(scene, random, { durable: true, large: 0 });
  if (mode === 'move') await steps(writer);
  const device = disk.device();
  const agent = scene.start('run');
  if (mode === 'receive') await agent.says('watching');
  writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1');
  if (mode === 'receive') await steps(writer);
  const told = () => TOLD.test(agent.output());
  const left = await settledOr(scene, told);
  if (told()) tally.fired();
  else tally.wrong(left.map(({ what }) => fault('silent', `${mode}: ${what}`)));
  await agent.kill();
  tally.wrong(during(mode, await judgeNow(scene)));
  disk.unmount();
  repair(join(world.directory, `v${number}.ext4`));
  disk.mount();
  tally.wrong(during(mode, await heal(scene)));
  disk.unmount();
}

/** https://man7.org/linux/man-pages/man8/e2fsck.8.html: 1 is "errors corrected" */
function repair(image: string): void {
  try {
    execFileSync('e2fsck', ['-fy', image], { stdio: 'pipe' });
  } catch (error) {
    if ((error as { status?: number }).status !== 1) throw error;
  }
}
