/** SIGKILL at the entry of each system call that changes something: on the disk, or on its way to the store. */
import { rmSync } from 'node:fs';
import type { Campaign, World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import { inLanes } from '../lanes.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { type SmallScene, smallScene } from '../small-scene.ts';
import { type Point, traced } from '../strace.ts';

const MUTATING =
  'write,pwrite64,writev,pwritev,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,openat,fchmod,fchown,utimensat,sendto,sendmsg'.split(
    ',',
  );
const MODES: Mode[] = ['move', 'mirror', 'receive'];

interface Target {
  mode: Mode;
  point: Point;
}

export const killSyscall: Campaign = {
  name: 'kill-syscall',
  title: 'SIGKILL at the entry of each mutating system call',
  cases: [1],
  needs: ['strace'],
  rounds: 120,
  async run(world) {
    const kinds = await allTargets(world, world.random.fork());
    // Kind after kind, each time another call of it: what is called seldom is tried as often as the rest.
    const left = kinds.map((targets) => [...targets]);
    await inLanes(world, async (random, number) => {
      const at = number % kinds.length;
      if (left[at]?.length === 0) left[at] = [...(kinds[at] ?? [])];
      const [target] = left[at]?.splice(random.below(left[at].length), 1) ?? [];
      if (target !== undefined) await killAt(world, target, random);
    });
  },
};

/** Every call of one undisturbed pass in each mode, by its kind. */
async function allTargets(world: World, random: Random): Promise<Target[][]> {
  const targets: Target[][] = [];
  for (const mode of MODES) {
    const scene = await smallScene(world, mode, random);
    const trace = traced(scene.base, MUTATING);
    await scene.start('once', trace.options).exit;
    const points = trace.points(scene.base).map((point) => ({ mode, point }));
    targets.push(
      ...Object.values(Object.groupBy(points, ({ point }) => point.syscall)).map((group = []) => group),
    );
    remove(scene);
  }
  return targets;
}

async function killAt(world: World, { mode, point }: Target, random: Random): Promise<void> {
  const scene = await smallScene(world, mode, random);
  const trace = traced(scene.base, [point.syscall], `signal=KILL:when=${point.ordinal}`);
  // A pass has less to do than the one before it, and may end first.
  if ((await scene.start('once', trace.options).exit) === 'SIGKILL') world.tally.fired();
  const named = (faults: Awaited<ReturnType<typeof judgeNow>>) =>
    faults.map((one) => ({ ...one, what: `${mode}, ${point.syscall} ${point.ordinal}: ${one.what}` }));
  world.tally.wrong(named(await judgeNow(scene)));
  world.tally.wrong(named(await heal(scene)));
  remove(scene);
}

function remove({ base }: SmallScene): void {
  rmSync(base, { recursive: true });
}
