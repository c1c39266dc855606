/** SIGKILL at the entry of each system call that changes something: on the disk, or on its way to the store. */
import { rmSync } from 'node:fs';
import { type Campaign, type Fault, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import { inLanes } from '../lanes.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { smallScene, steps } from '../small-scene.ts';
import { type Point, traced } from '../strace.ts';

const MUTATING =
  'write,pwrite64,writev,pwritev,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,openat,fchmod,fchown,utimensat,sendto,sendmsg'.split(
    ',',
  );
const MODES: Mode[] = ['move', 'mirror', 'receive'];

const KILLS = 5;
const STEPS_BETWEEN = 6;

export const killSyscall: Campaign = {
  name: 'kill-syscall',
  title: 'SIGKILL at the entry of each mutating system call',
  cases: [1],
  needs: ['strace'],
  rounds: 120,
  async run(world) {
    const targets: (() => Point)[] = [];
    for (const mode of MODES) targets.push(await targetsOf(world, mode, world.random.fork()));
    await inLanes(world, (random, number) => {
      const at = number % MODES.length;
      return killInTurn(world, MODES[at] ?? 'move', random, () => targets[at]?.());
    });
  },
};

/**
 * Answers the calls of one undisturbed pass, kind after kind, each time another call of it: what is called seldom is tried
 * as often as the rest.
 */
async function targetsOf(world: World, mode: Mode, random: Random): Promise<() => Point> {
  const scene = await smallScene(world, mode, random);
  const trace = traced(scene.base, MUTATING);
  await scene.start('once', trace.options).exit;
  const kinds = Object.values(Object.groupBy(trace.points(scene.base), ({ syscall }) => syscall));
  rmSync(scene.base, { recursive: true });
  const left = kinds.map((points = []) => [...points]);
  let turn = 0;
  return () => {
    const at = turn++ % kinds.length;
    if (left[at]?.length === 0) left[at] = [...(kinds[at] ?? [])];
    const [point] = left[at]?.splice(random.below(left[at].length), 1) ?? [];
    if (point === undefined) throw new Error(`a pass of ${mode} changes nothing`);
    return point;
  };
}

/** One kill after the other, and only then a pass without: most of what a kill takes are starts of the agent. */
async function killInTurn(
  world: World,
  mode: Mode,
  random: Random,
  target: () => Point | undefined,
): Promise<void> {
  const scene = await smallScene(world, mode, random);
  const history: string[] = [mode];
  const named = (faults: Fault[]) =>
    world.tally.wrong(faults.map((one) => ({ ...one, what: `${history.join(', ')}: ${one.what}` })));
  for (let kill = 0; kill < KILLS && (kill === 0 || goesOn(world)); kill++) {
    const point = target();
    if (point === undefined) break;
    if (kill > 0) {
      world.tally.round();
      // What was sent, and not noted, is somebody else's object once its file is gone.
      if (mode === 'mirror') named(await heal(scene));
      await steps(scene.writer, STEPS_BETWEEN);
    }
    history.push(`${point.syscall} ${point.ordinal}`);
    const injection = `${point.syscall}:signal=KILL:when=${point.ordinal}`;
    const trace = traced(scene.base, [point.syscall], [injection]);
    // A pass that has less to do than the one before it may end first.
    if ((await scene.start('once', trace.options).exit) === 'SIGKILL') world.tally.fired();
    named(await judgeNow(scene));
  }
  named(await heal(scene));
  rmSync(scene.base, { recursive: true });
}
