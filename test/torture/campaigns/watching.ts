/** What inotify cannot tell: there are no watches left, or its queue has overflowed. What it missed is found all the same. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { createScene, type Scene, type StartOptions } from '../scene.ts';
import { during, settled } from '../settle.ts';
import { stopped } from '../stopped.ts';
import { digestOf } from '../truth.ts';

/** Of a user namespace of its own; the machine's limits are not touched. */
const FEW_WATCHES: StartOptions = {
  wrapper: ['unshare', '-Ur', 'sh', '-c', 'echo 10 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"'],
};
const DIRECTORIES = 30;
/** Two events each; the queue holds 16,384: https://man7.org/linux/man-pages/man7/inotify.7.html */
const RENAMES = 10_000;

export const watchLimit: Campaign = {
  name: 'watch-limit',
  title: 'no inotify watches left: the rest is polled',
  cases: [17],
  needs: ['unshare'],
  rounds: 4,
  run: (world) =>
    eachRound(world, FEW_WATCHES, '1s', async (scene, agent) => {
      await agent.says('max_user_watches is used up');
      world.tally.fired();
      writeSome(scene, 'late');
    }),
};

export const queueOverflow: Campaign = {
  name: 'queue-overflow',
  title: 'the queue of inotify overflows: everything is looked at again',
  cases: [16],
  needs: [],
  rounds: 4,
  run: (world) =>
    eachRound(world, {}, '1h', async (scene, agent) => {
      await stopped(agent);
      const [from, to] = [join(scene.folder, 'd0/swap'), join(scene.folder, 'd1/swap')];
      writeFileSync(from, 'swapped');
      for (let round = 0; round < RENAMES; round += 2) {
        renameSync(from, to);
        renameSync(to, from);
      }
      scene.truth.closed('d0/swap', digestOf(Buffer.from('swapped')));
      writeSome(scene, 'late');
      agent.process.kill('SIGCONT');
      await agent.says('queue overflowed');
      world.tally.fired();
    }),
};

async function eachRound(
  world: World,
  options: StartOptions,
  /** What is not watched is looked at as often. */
  rescan: string,
  action: (scene: Scene, agent: Agent) => Promise<void>,
): Promise<void> {
  while (goesOn(world)) {
    world.tally.round();
    const scene = await createScene(world, 'mirror', {
      folderSettings: { watch: 'inotify' },
      settings: { rescan },
    });
    writeSome(scene, 'early');
    const agent = scene.start('run', options);
    await agent.says('watching');
    await action(scene, agent);
    world.tally.wrong(during('by itself', await settled(scene)));
    await agent.kill();
    world.tally.wrong(await heal(scene));
  }
}

function writeSome({ folder, truth }: Scene, what: string): void {
  for (let at = 0; at < DIRECTORIES; at++) {
    const name = `d${at}/${what}`;
    const content = Buffer.from(`${what} ${at}`);
    mkdirSync(join(folder, `d${at}`), { recursive: true });
    writeFileSync(join(folder, name), content);
    truth.closed(name, digestOf(content));
  }
}
