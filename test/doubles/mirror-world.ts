/** A hub and a destination in memory, with all that a mirror needs. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import { createDeleteGuard } from '#adapters/delete-permit.ts';
import { type MirrorHints, type MirrorSettings, mirrorObject } from '#adapters/mirror-object.ts';
import type { GuardSettings } from '#core/delete-guard.ts';
import type { ObjectKey } from '#core/key.ts';
import type { Look } from '#core/ports.ts';
import { createMemoryControls } from './controls-memory.ts';
import { createMemoryLedger } from './ledger-memory.ts';
import { createMemoryStore, type MemoryServer } from './store-memory.ts';

const MIB = 1024 * 1024;
export const HOUR_MS = 3_600_000;
/** Lets everything through. */
export const OPEN_GUARD: GuardSettings = {
  share: 1,
  count: 1_000_000,
  shareFrom: 1_000_000,
  window: HOUR_MS,
};

export interface WorldFields extends Partial<MirrorSettings> {
  guard?: GuardSettings;
  /** Whether the destination's bucket is there; default yes. */
  exists?: boolean;
}

export function mirrorWorld(key: ObjectKey, { guard: guardSettings, exists, ...fields }: WorldFields = {}) {
  const server: MemoryServer = new Map();
  const clock = { ms: 1_000_000 };
  const nowMs = () => ++clock.ms;
  const hub = createMemoryStore({ bucket: 'hub', server, nowMs, versioned: true });
  const destination = createMemoryStore({ bucket: 'mirror', server, nowMs, exists: exists ?? true });
  const ledger = createMemoryLedger();
  const settings: MirrorSettings = {
    name: 'one',
    prefix: '',
    deletes: true,
    way: 'stream',
    tags: true,
    createBucket: false,
    ...fields,
  };
  const controls = createMemoryControls();
  const guard = createDeleteGuard(controls, 'one', guardSettings ?? OPEN_GUARD, nowMs);
  const sent: Look[] = [];
  /** For how long each message to the queue of looks waits. */
  const delaysMs: number[] = [];
  const time = { remainingMs: 900_000 };
  const ports = {
    hub,
    destination,
    ledger,
    controls,
    guard,
    looks: {
      async send(looks: readonly Look[], delayMs = 0) {
        sent.push(...looks);
        delaysMs.push(delayMs);
      },
    },
    budget: createByteBudget(64 * MIB),
    nowMs,
    remainingMs: () => time.remainingMs,
  };
  const mirror = (hints: MirrorHints = {}, of = key) => mirrorObject(ports, settings, of, hints);
  return { hub, destination, ledger, controls, guard, settings, ports, sent, delaysMs, clock, time, mirror };
}
