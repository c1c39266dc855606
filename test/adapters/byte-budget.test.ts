import { expect, it } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { inParallel } from '#adapters/in-parallel.ts';

it('never holds more bytes than the budget, and everything gets its turn', async () => {
  const budget = createByteBudget(10);
  let held = 0;
  let most = 0;
  const sizes = [4, 4, 4, 10, 1, 1, 25, 3, 9, 0];
  const done = await Promise.all(
    sizes.map((bytes) =>
      budget.hold(bytes, async () => {
        held += Math.min(bytes, 10);
        most = Math.max(most, held);
        await Promise.resolve();
        held -= Math.min(bytes, 10);
        return bytes;
      }),
    ),
  );
  expect(done).toEqual(sizes);
  expect(most).toBe(10);
});

it('gives the bytes back when the work fails', async () => {
  const budget = createByteBudget(1);
  await expect(budget.hold(1, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  expect(await budget.hold(1, async () => 'next')).toBe('next');
});

it('work side by side keeps the order of its results and the limit', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    return item * 10;
  });
  expect(results).toEqual([10, 20, 30, 40, 50]);
  expect(most).toBe(2);
});

it('work side by side starts nothing after a failure and ends what runs', async () => {
  const ended: number[] = [];
  const work = inParallel([1, 2, 3, 4], 2, async (item) => {
    await Promise.resolve();
    if (item === 1) throw new Error('first');
    await Promise.resolve();
    ended.push(item);
  });
  await expect(work).rejects.toThrow('first');
  expect(ended).toEqual([2]);
});
