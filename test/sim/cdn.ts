/** A CDN that remembers what it was asked to forget, and when. */
import type { Cdn } from '#core/cdn.ts';
import { coveredBy } from '#core/invalidation.ts';
import type { Simulation } from './simulation.ts';

export interface SimCdn extends Cdn {
  /** Whether the key was invalidated at that time or later. */
  forgotten(key: string, sinceMs: number): boolean;
}

export function createCdn(sim: Simulation): SimCdn {
  const taken: { isOf: (key: string) => boolean; atMs: number }[] = [];
  const references = new Map<string, string>();
  return {
    async invalidate(paths, callerReference) {
      const text = paths.join('\n');
      const known = references.get(callerReference);
      if (known === text) return;
      if (known !== undefined) sim.violate('bug', `one caller reference for ${known} and ${text}`);
      references.set(callerReference, text);
      taken.push({ isOf: coveredBy(paths), atMs: sim.scheduler.nowMs });
    },
    forgotten: (key, sinceMs) => taken.some(({ isOf, atMs }) => atMs >= sinceMs && isOf(key)),
  };
}
