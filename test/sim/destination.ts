/** A destination, with its past, and what must hold of every change that is made there. */
import { SOURCE_ETAG } from '#core/mirror-plan.ts';
import type { ObjectStore } from '#core/ports.ts';
import { createMemoryStore, type MemoryServer } from '../doubles/store-memory.ts';
import { type Hub, heldOf } from './hub.ts';
import { createPast, type Held, type Past } from './past.ts';
import type { Simulation } from './simulation.ts';

export interface DestinationSettings {
  name: string;
  prefix: string;
  deletes: boolean;
  way: 'server' | 'stream';
  /** Deletes that the guard lets through within an hour. */
  guardCount: number;
}

export interface SimDestination {
  readonly settings: DestinationSettings;
  /** What the functions see. */
  readonly store: ObjectStore;
  /** By the keys of the hub. */
  readonly past: Past;
  /** Keys that somebody else has changed here, since Sluice last wrote them. */
  readonly tampered: ReadonlySet<string>;
  /** Somebody else deletes or overwrites what is here. */
  tamper(key: string, body: string | undefined): void;
  /** Somebody has said that what the guard holds may go. */
  approve(): void;
}

const HOUR_MS = 3_600_000;

/** Shares the server with the hub, so that it can copy by itself. */
export function createDestination(
  sim: Simulation,
  hub: Hub,
  server: MemoryServer,
  settings: DestinationSettings,
): SimDestination {
  const { name, prefix, deletes, guardCount } = settings;
  const nowMs = () => sim.scheduler.nowMs;
  const bucket = `mirror-${name}`;
  const inner = createMemoryStore({ bucket, server, nowMs, newId: sim.newId });
  const objects = server.get(bucket) ?? new Map();
  const past = createPast();
  const tampered = new Set<string>();
  const deletedAtMs: number[] = [];
  let approved = false;

  /** Looks at what a request has made of its key. */
  async function watched<Answer>(target: string, change: () => Promise<Answer>): Promise<Answer> {
    const task = sim.acting;
    const key = target.slice(prefix.length);
    const before = objects.get(target);
    const answer = await change();
    const after = objects.get(target);
    if (after === before) return answer;
    const held = heldOf(after);
    past.note(key, held, nowMs());
    tampered.delete(key);
    const sinceMs = task?.startedMs ?? nowMs();
    if (held === undefined) judgeDelete(key, sinceMs);
    else judgeWrite(key, held);
    return answer;
  }

  function judgeDelete(key: string, sinceMs: number): void {
    deletedAtMs.push(nowMs());
    // An hour of ours may be the end of one window of the guard and the beginning of the next.
    const within = deletedAtMs.filter((atMs) => nowMs() - atMs < HOUR_MS).length;
    if (!approved && within > 2 * guardCount)
      sim.violate('I1', `${within} deletes at ${name} within an hour; its guard allows ${guardCount}`);
    if (!deletes) sim.violate('I1', `${key} was deleted at ${name}, which keeps everything`);
    const wasGone = hub.past.since(key, sinceMs, (held) => held === undefined);
    if (!wasGone) sim.violate('I1', `${key} was deleted at ${name}, and the hub had it all the while`);
  }

  function judgeWrite(key: string, held: Held): void {
    const whole = hub.past.of(key).some(({ held: source }) => source?.body === held.body);
    if (!whole) sim.violate('I2', `${key} at ${name} is what the hub never was: ${held.body}`);
    const mark = held.metadata[SOURCE_ETAG];
    const marked = hub.past
      .of(key)
      .some(({ held: source }) => source?.etag === mark && source?.body === held.body);
    if (mark !== undefined && !marked) sim.violate('I2', `${key} at ${name} has the mark of other bytes`);
  }

  return {
    settings,
    past,
    tampered,
    store: {
      ...inner,
      put: (key, ...rest) => watched(key, () => inner.put(key, ...rest)),
      copy: (key, ...rest) => watched(key, () => inner.copy(key, ...rest)),
      completeMultipart: (key, ...rest) => watched(key, () => inner.completeMultipart(key, ...rest)),
      delete: (key, ...rest) => watched(key, () => inner.delete(key, ...rest)),
    },
    tamper(key, body) {
      const stored = objects.get(prefix + key);
      if (stored === undefined) return;
      if (body === undefined) objects.delete(prefix + key);
      else {
        const bytes = Buffer.from(body, 'latin1');
        const head = { ...stored.head, sizeBytes: bytes.length, etag: `tampered${sim.newId()}` };
        objects.set(prefix + key, { ...stored, head, body: bytes });
      }
      tampered.add(key);
      past.note(key, heldOf(objects.get(prefix + key)), nowMs());
    },
    approve() {
      approved = true;
    },
  };
}
