import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeSorted } from '#core/merge-sorted.ts';

const byValue = (left: number, right: number) => left - right;

async function* from(values: readonly number[], closed: () => void = () => undefined) {
  try {
    yield* values;
  } finally {
    closed();
  }
}

describe('merging sorted streams', () => {
  it('answers what sorting everything answers', async () => {
    const sources = fc.array(fc.array(fc.integer({ min: 0, max: 50 })), { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(sources, async (lists) => {
        const sorted = lists.map((list) => [...list].sort(byValue));
        const merged = await Array.fromAsync(
          mergeSorted(
            sorted.map((list) => from(list)),
            byValue,
          ),
        );
        expect(merged).toEqual(lists.flat().sort(byValue));
      }),
    );
  });

  it('closes every source when the reader stops', async () => {
    let closed = 0;
    const close = () => closed++;
    for await (const _first of mergeSorted([from([1, 4], close), from([2, 3], close)], byValue)) break;
    expect(closed).toBe(2);
  });

  it('closes the others when one fails, and throws what it threw', async () => {
    let closed = 0;
    async function* failing() {
      yield 1;
      throw new Error('page lost');
    }
    const merged = mergeSorted([failing(), from([2, 3], () => closed++)], byValue);
    await expect(Array.fromAsync(merged)).rejects.toThrow('page lost');
    expect(closed).toBe(1);
  });
});
