/** A snapshot in which everything is right, for tests that change one thing of it. */
import type { Snapshot } from '../../../infra/local/live/snapshot.ts';

export const NOW_MS = Date.UTC(2026, 5, 15, 12);

export function rightSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    atMs: NOW_MS,
    agent: {
      isRunning: true,
      address: '127.0.0.1:4000',
      status: {
        version: '1.2.3',
        startedAt: new Date(NOW_MS - 60_000).toISOString(),
        health: 'ok',
        folders: [folderOf('output')],
        problems: [],
      },
    },
    hub: { objects: 3, bytes: 3000, isAll: true },
    ledger: { objects: 3, bytes: 3000, verified: { mirror: 3, offsite: 3 }, delivered: 3, lingering: 0 },
    destinations: (['mirror', 'offsite'] as const).map((name) => ({
      name,
      bucket: `bucket-${name}`,
      verified: 3,
      waiting: 0,
      deadLetters: 0,
      gate: name === 'mirror' ? 'fixed' : 'open',
    })),
    fileManager: {
      url: 'http://127.0.0.1:4001',
      files: 3,
      delivered: 3,
      waiting: 0,
      deadLetters: 0,
      failuresInARow: 0,
      isFailing: false,
      breaker: 'closed',
    },
    cdn: { distribution: 'E1', invalidations: 1, inProgress: 0 },
    queues: [{ name: 'mirror-offsite', waiting: 0, inFlight: 0, delayed: 0, deadLetters: 0 }],
    ways: [],
    faults: [],
    ...changes,
  };
}

export function folderOf(name: string) {
  return {
    ...{ name, mode: 'move', state: 'working', reason: '', watch: 'inotify' },
    ...{ queued: 0, putOff: 0, synced: 3, waiting: 0, parked: 0, heldDeletes: 0 },
    ...{ filesPerSecond: 0, bytesPerSecond: 0 },
  };
}
