/** Rounds that know nothing of each other, side by side. */
import { availableParallelism } from 'node:os';
import { goesOn, type World } from './campaign.ts';
import type { Random } from './random.ts';

/** Each round has choices of its own, so that the seed decides them whatever runs beside it. */
export async function inLanes(
  world: World,
  round: (random: Random, number: number) => Promise<void>,
  lanes = availableParallelism(),
): Promise<void> {
  let number = 0;
  const lane = async () => {
    while (goesOn(world)) {
      world.tally.round();
      await round(world.random.fork(), number++);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
