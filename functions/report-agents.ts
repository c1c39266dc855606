/** What the agents say of themselves: their heartbeats in the hub, and those that are missing. */
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { RESERVED } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { AgentView } from '#core/report-result.ts';
import * as z from '#core/schema.ts';

export interface AgentsPorts {
  hub: Pick<ObjectStore, 'list' | 'get'>;
  /** Agents that should be there; others are known by their heartbeats alone. */
  names: readonly string[];
  /** A heartbeat that is older is missing; `undefined`: nobody looks. */
  missingAfterMs: number | undefined;
  nowMs: () => number;
}

/** As edge-agent/heartbeat.ts writes it; an agent of another version may say more, or less. */
const heartbeat = z.object({
  version: z.catch(z.string(), ''),
  at: z.iso.datetime(),
  folders: z.catch(
    z.array(
      z.object({
        state: z.catch(z.string(), ''),
        queued: z.catch(z.number(), 0),
        putOff: z.catch(z.number(), 0),
        parked: z.catch(z.number(), 0),
        heldDeletes: z.catch(z.number(), 0),
      }),
    ),
    [],
  ),
});
const FILE = '/heartbeat.json';
/** A heartbeat has some kilobytes; what has more is something else. */
const MAX_BYTES = 1024 * 1024;
const BROKEN = ['unavailable', 'held', 'stopped'];

/** In the order of their names. */
export async function readAgents(ports: AgentsPorts): Promise<AgentView[]> {
  const views = new Map<string, AgentView>();
  for (const name of ports.names) views.set(name, viewOf(ports, name, undefined));
  for await (const { key, sizeBytes } of ports.hub.list(RESERVED.agents)) {
    const name = key.slice(RESERVED.agents.length, -FILE.length);
    if (key.endsWith(FILE) && !name.includes('/'))
      views.set(name, await readOne(ports, name, key, sizeBytes));
  }
  return [...views.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

async function readOne(ports: AgentsPorts, name: string, key: string, sizeBytes: number): Promise<AgentView> {
  try {
    if (sizeBytes > MAX_BYTES)
      return { ...viewOf(ports, name, undefined), fault: `it has ${sizeBytes} bytes` };
    const { body } = await ports.hub.get(objectKey(key));
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return viewOf(ports, name, heartbeat.parse(JSON.parse(Buffer.concat(chunks).toString())));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError || error instanceof SyncError))
      throw error;
    return { ...viewOf(ports, name, undefined), fault: error.message };
  }
}

function viewOf(
  { nowMs, missingAfterMs }: AgentsPorts,
  name: string,
  beat: z.output<typeof heartbeat> | undefined,
): AgentView {
  const ageMs = beat === undefined ? undefined : Math.max(0, nowMs() - Date.parse(beat.at));
  const folders = beat?.folders ?? [];
  const sum = (of: (folder: (typeof folders)[number]) => number) =>
    folders.reduce((total, folder) => total + of(folder), 0);
  return {
    name,
    ...(beat === undefined ? {} : { at: beat.at }),
    ...(ageMs === undefined ? {} : { ageMs }),
    missing: missingAfterMs !== undefined && (ageMs ?? Number.POSITIVE_INFINITY) > missingAfterMs,
    version: beat?.version ?? '',
    folders: folders.length,
    queued: sum(({ queued, putOff }) => queued + putOff),
    errors: sum(({ parked, state }) => parked + (BROKEN.includes(state) ? 1 : 0)),
    heldDeletes: sum((folder) => folder.heldDeletes),
  };
}
