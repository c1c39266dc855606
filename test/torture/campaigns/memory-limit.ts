/** The kernel ends the agent because it may have no more memory. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Campaign, goesOn } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import type { Mode } from '../scene.ts';
import { during } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
const GROUPS = '/sys/fs/cgroup/memory';
const MIB = 1024 * 1024;
/** From too little to start with, to nearly enough. */
const LEAST_MIB = 40;
const RANGE_MIB = 70;
const MORE_STEPS = 40;

export const memoryLimit: Campaign = {
  name: 'memory-limit',
  title: 'the kernel ends the agent for want of memory',
  cases: [6],
  needs: ['root', 'memory-cgroup'],
  rounds: 9,
  async run(world) {
    const { tally, random, cleanup } = world;
    const group = join(GROUPS, `sluice-torture-${process.pid}`);
    mkdirSync(group);
    cleanup.defer(() => rmdirSync(group));
    for (let number = 0; goesOn(world); number++) {
      tally.round();
      const mode = MODES[number % MODES.length] ?? 'move';
      const scene = await smallScene(world, mode, random);
      await steps(scene.writer, MORE_STEPS);
      writeFileSync(
        join(group, 'memory.limit_in_bytes'),
        String((LEAST_MIB + random.below(RANGE_MIB)) * MIB),
      );
      const wrapper = ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`];
      if ((await scene.start('once', { wrapper }).exit) === 'SIGKILL') tally.fired();
      tally.wrong(during(mode, await judgeNow(scene)));
      tally.wrong(during(mode, await heal(scene)));
    }
  },
};
