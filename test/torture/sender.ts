/** Somebody who puts objects into the bucket of a `receive` folder; one at a time, each under a key of its own. */
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { digestOf } from './truth.ts';
import type { Habits, Writer } from './writer.ts';

const LARGE_BYTES = 6 * 1024 * 1024;
const SMALL_BYTES = 12_000;

export function createSender(
  { bucket, prefix, truth }: Scene,
  random: Random,
  { large = 0.01 }: Pick<Habits, 'large'> = {},
): Writer {
  let count = 0;
  return {
    async step() {
      const number = count++;
      const name = `${['', 'a/', 'a/b/', `new ${number}/`][number % 4]}f${number}`;
      const size = random.chance(large) ? LARGE_BYTES : random.below(SMALL_BYTES);
      const content = Buffer.concat([Buffer.from(`${number} `), random.bytes(size)]);
      await bucket.put(prefix + name, content);
      truth.closed(name, digestOf(content));
    },
  };
}
