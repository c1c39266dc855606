/** The agents of a hub, by what each last said of itself. */
import * as z from 'zod';
import { RESERVED } from '#core/names.ts';
import type { Store } from './stores.ts';

export interface Agent {
  name: string;
  beatMs: number;
  /** The next heartbeat should have come. */
  overdue: boolean;
  queued: number;
  heldDeletes: number;
  /** Folders that are not as they should be, by name. */
  troubled: string[];
}

const heartbeat = z.object({
  at: isoMs(),
  nextAt: isoMs(),
  folders: z
    .array(z.object({ name: z.string(), state: z.string(), queued: z.number(), heldDeletes: z.number() }))
    .default([]),
});
/** States of an agent's folder that need somebody. */
const TROUBLED = new Set(['unavailable', 'held', 'stopped']);
/** A heartbeat that is a little late is none that is missing. */
const LATE_FACTOR = 2;

export async function agentsOf(hub: Store, nowMs: number): Promise<Agent[]> {
  const agents: Agent[] = [];
  for await (const key of hub.keys(RESERVED.agents)) {
    const name = /^([^/]+)\/heartbeat\.json$/.exec(key.slice(RESERVED.agents.length))?.[1];
    const text = name === undefined ? undefined : await hub.text(key);
    if (name === undefined || text === undefined) continue;
    const { at, nextAt, folders } = heartbeat.parse(JSON.parse(text));
    agents.push({
      name,
      beatMs: at,
      overdue: nowMs > at + LATE_FACTOR * (nextAt - at),
      queued: folders.reduce((sum, { queued }) => sum + queued, 0),
      heldDeletes: folders.reduce((sum, one) => sum + one.heldDeletes, 0),
      troubled: folders.filter(({ state }) => TROUBLED.has(state)).map((one) => `${one.name} (${one.state})`),
    });
  }
  return agents;
}

function isoMs() {
  return z.iso.datetime().transform((text) => Date.parse(text));
}
