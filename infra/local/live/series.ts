/** The last minutes in numbers, for the plots. */
import type { Snapshot } from './snapshot.ts';
import { lagMs } from './ways.ts';

export interface Sample {
  atMs: number;
  values: Readonly<Record<string, number>>;
}

const KEPT_MS = 10 * 60_000;

/** @returns the samples with one more, without those that have become too old */
export function withSample(samples: readonly Sample[], snapshot: Snapshot): Sample[] {
  const { atMs } = snapshot;
  const kept = samples.filter((one) => one.atMs > atMs - KEPT_MS);
  return [...kept, { atMs, values: valuesOf(snapshot) }];
}

/** The line of that name; a sample that knows it not yet counts as 0. */
export function lineOf(samples: readonly Sample[], field: string): [number, number][] {
  return samples.map(({ atMs, values }) => [atMs, values[field] ?? 0]);
}

function valuesOf({ hub, ledger, destinations, fileManager, queues, agent, ways, atMs }: Snapshot) {
  const folders = agent.status?.folders ?? [];
  const oldest = ways.filter(({ doneMs }) => doneMs === undefined).map(({ startedMs }) => atMs - startedMs);
  return {
    'objects hub': hub?.objects ?? 0,
    'objects ledger': ledger.objects,
    ...Object.fromEntries(destinations.map(({ name, verified }) => [`objects ${name}`, verified])),
    'objects file manager': fileManager.delivered,
    ...Object.fromEntries(
      queues.map(({ name, waiting, inFlight, delayed }) => [`queue ${name}`, waiting + inFlight + delayed]),
    ),
    lag: lagMs(ways) ?? 0,
    oldest: Math.max(0, ...oldest),
    files: folders.reduce((sum, one) => sum + one.queued + one.putOff + one.waiting, 0),
  };
}
