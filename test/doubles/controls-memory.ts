/** Controls in memory, for tests that are about something else. */
import type { Controls } from '#core/ports.ts';

export function createMemoryControls(): Controls {
  const items = new Map<string, { json: string; revision: number }>();
  return {
    async get(name) {
      const item = items.get(name);
      return item === undefined ? undefined : { value: JSON.parse(item.json), revision: item.revision };
    },
    async put(name, value, revision) {
      if ((items.get(name)?.revision ?? 0) !== revision) return 'conflict';
      items.set(name, { json: JSON.stringify(value), revision: revision + 1 });
      return 'written';
    },
  };
}
