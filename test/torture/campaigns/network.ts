/** The network between agent and store is slow, sliced, narrow, cut after so many bytes, or silent; then it is well again. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { during, settled } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';
import { startToxiproxy } from '../toxiproxy.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
/** https://github.com/Shopify/toxiproxy#toxics */
const TOXICS: Record<string, (random: Random) => Record<string, number>> = {
  latency: (random) => ({ latency: 50 + random.below(300), jitter: 50 }),
  slicer: (random) => ({ average_size: 20 + random.below(200), size_variation: 10, delay: 500 }),
  bandwidth: (random) => ({ rate: 5 + random.below(50) }),
  limit_data: (random) => ({ bytes: 200 + random.below(8_000) }),
  reset_peer: (random) => ({ timeout: random.below(200) }),
  timeout: () => ({ timeout: 0 }),
};
const DISTURBED_MS = 2_500;

export const network: Campaign = {
  name: 'network',
  title: 'latency, slices, little bandwidth, cuts, resets and silence, by toxiproxy',
  cases: [44, 45, 47],
  needs: ['go'],
  rounds: 18,
  async run(world) {
    for (let number = 0; goesOn(world); number++) {
      world.tally.round();
      await disturbOnce(world, number);
    }
  },
};

async function disturbOnce(world: World, number: number): Promise<void> {
  const { tally, random } = world;
  const mode = MODES[number % MODES.length] ?? 'move';
  const kinds = Object.keys(TOXICS);
  const kind = kinds[Math.floor(number / MODES.length) % kinds.length] ?? 'latency';
  const proxy = await startToxiproxy(world);
  const scene = await smallScene(world, mode, random, { endpoint: proxy.endpoint });
  await proxy.add(kind, TOXICS[kind]?.(random) ?? {});
  tally.fired();
  const agent = scene.start('run');
  await Promise.race([agent.says('watching'), delay(DISTURBED_MS)]);
  await steps(scene.writer);
  await delay(DISTURBED_MS);
  if (random.chance(0.5)) {
    await agent.kill();
    tally.wrong(during(`${mode}, ${kind}`, await judgeNow(scene)));
    await proxy.heal();
  } else {
    await proxy.heal();
    tally.wrong(during(`${mode}, ${kind}, by itself`, await settled(scene)));
    await agent.kill();
  }
  tally.wrong(during(`${mode}, ${kind}`, await heal(scene)));
  rmSync(scene.base, { recursive: true });
}
