/** Merges sorted streams into one, holding one item of each. */

/**
 * Every item of every source in order, given that each source is in order by `compare`. Sources are advanced one at
 * a time; all are closed when the reader stops early or one of them fails.
 */
export async function* mergeSorted<Item>(
  sources: readonly AsyncIterable<Item>[],
  compare: (left: Item, right: Item) => number,
): AsyncGenerator<Item> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    const firsts = await Promise.all(iterators.map((iterator) => iterator.next()));
    const heap: { item: Item; iterator: AsyncIterator<Item> }[] = [];
    const before = (left: number, right: number) => {
      const a = heap[left];
      const b = heap[right];
      return a !== undefined && b !== undefined && compare(a.item, b.item) < 0;
    };
    const swap = (left: number, right: number) => {
      const a = heap[left];
      const b = heap[right];
      if (a !== undefined && b !== undefined) [heap[left], heap[right]] = [b, a];
    };
    const sink = (start: number) => {
      for (let at = start; ; ) {
        const left = 2 * at + 1;
        const least = before(left + 1, left) ? left + 1 : left;
        if (!before(least, at)) return;
        swap(least, at);
        at = least;
      }
    };
    for (const [index, first] of firsts.entries()) {
      const iterator = iterators[index];
      if (first.done !== true && iterator !== undefined) heap.push({ item: first.value, iterator });
    }
    for (let index = heap.length >> 1; index >= 0; index--) sink(index);
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      yield top.item;
      const next = await top.iterator.next();
      if (next.done !== true) {
        top.item = next.value;
      } else {
        swap(0, heap.length - 1);
        heap.pop();
      }
      sink(0);
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}
