/** The hub as retention sees it: what is removed for its age must be somewhere else, byte for byte, at that moment. */
import type { ObjectStore } from '#core/ports.ts';
import type { Cloud } from './cloud.ts';
import type { Moment } from './past.ts';

/** The longest that a request is on its way. */
const ON_ITS_WAY_MS = 60_000;

/** Another object came after the look, and then the same bytes again: no condition on an ETag can tell. */
function isThereAgain(moments: readonly Moment[], nowMs: number): boolean {
  const last = moments.at(-1);
  if (last === undefined || nowMs - last.fromMs > ON_ITS_WAY_MS) return false;
  return moments.slice(0, -1).some(({ held }) => held?.etag === last.held?.etag);
}

export function judgedHub(cloud: Cloud): ObjectStore {
  const { hub, destinations, fileManager, sim } = cloud;
  return {
    ...hub.store,
    async delete(key, options) {
      const before = hub.past.now(key);
      const isAgain = isThereAgain(hub.past.of(key), sim.scheduler.nowMs);
      const answer = await hub.store.delete(key, options);
      if (before === undefined || hub.past.now(key) !== undefined) return answer;
      if (isAgain) return answer;
      // It shows with the time and the ETag it always had, which no look can tell; it stays as a version of the hub.
      if (hub.wasUncovered(key)) return answer;
      for (const { settings, past, tampered } of destinations) {
        // What somebody else has done to a copy is found out by the next reconcile.
        if (past.now(key)?.body !== before.body && !tampered.has(key))
          sim.violate('I1', `retention removed ${key}, and ${settings.name} does not have it`);
      }
      const file = fileManager.contentOf(key);
      if (destinations.length === 0 && file !== before.body)
        sim.violate('I1', `retention removed ${key}, and the file manager does not have it`);
      return answer;
    },
  };
}
