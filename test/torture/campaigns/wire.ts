/** A proxy lies, cuts, corrupts, stalls and forgets between agent and store: nothing is believed that was not proved. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Campaign, World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import { inLanes } from '../lanes.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { during } from '../settle.ts';
import { smallScene, steps } from '../small-scene.ts';
import { WIRE_FAULTS } from '../wire-faults.ts';
import { startWireProxy } from '../wire-proxy.ts';

const MODES: Mode[] = ['move', 'mirror', 'receive'];
/** One kind of fault at a time, and then all of them together. */
const DISTURBANCES = [...Object.keys(WIRE_FAULTS).map((kind) => [kind]), Object.keys(WIRE_FAULTS)];
const DISTURBED_MS = 3_000;

export const wire: Campaign = {
  name: 'wire',
  title: 'a proxy corrupts, cuts, stalls, lies and forgets',
  cases: [35, 39, 40, 41, 43, 44, 45, 46, 49],
  needs: [],
  rounds: DISTURBANCES.length * MODES.length,
  run: (world) => inLanes(world, (random, number) => disturbOnce(world, random, number)),
};

/** In three laps each disturbance meets each mode. */
async function disturbOnce(world: World, random: Random, number: number): Promise<void> {
  const { tally } = world;
  const index = number % DISTURBANCES.length;
  const lap = Math.floor(number / DISTURBANCES.length);
  const kinds = DISTURBANCES[index] ?? [];
  const mode = MODES[(index + lap) % MODES.length] ?? 'move';
  const what = `${mode}, ${kinds.length === 1 ? kinds[0] : 'all faults'}`;
  const proxy = await startWireProxy(world.hub.endpoint, random.fork());
  world.cleanup.defer(proxy.close);
  const scene = await smallScene(world, mode, random, { endpoint: proxy.endpoint });
  const before = proxy.fired;
  proxy.disturb(0.2 + 0.3 * random.next(), kinds);
  const agent = scene.start('run');
  await Promise.race([agent.says('watching'), delay(DISTURBED_MS)]);
  await steps(scene.writer);
  await delay(DISTURBED_MS);
  await agent.kill();
  tally.fired(proxy.fired - before);
  tally.wrong(during(what, await judgeNow(scene)));
  proxy.heal();
  tally.wrong(during(what, await heal(scene)));
  rmSync(scene.base, { recursive: true });
}
