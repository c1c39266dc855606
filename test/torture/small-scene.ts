/** A scene with little in it, so that one pass over it is quick, and something of every kind. */
import type { World } from './campaign.ts';
import { heal } from './heal.ts';
import type { Random } from './random.ts';
import { createScene, type Mode, type Scene, type SceneOptions } from './scene.ts';
import type { Writer } from './writer.ts';
import { writerOf } from './writer-of.ts';

const STEPS = 8;

export interface SmallScene extends Scene {
  writer: Writer;
}

/** A pass of the agent has something to do; in a mirror there was one before, so there is something to change. */
export async function smallScene(
  world: World,
  mode: Mode,
  random: Random,
  { keeps = false, ...options }: SceneOptions & { keeps?: boolean } = {},
): Promise<SmallScene> {
  const scene = await createScene(world, mode, options);
  const writer = writerOf(scene, random, { keeps, large: 0.05 });
  await steps(writer);
  if (mode === 'mirror') {
    world.tally.wrong(await heal(scene));
    await steps(writer);
  }
  return { ...scene, writer };
}

export async function steps(writer: Writer, count = STEPS, opens = true): Promise<void> {
  for (let step = 0; step < count; step++) await writer.step(opens);
}
