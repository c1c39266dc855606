/** What the running agent says of itself on its status port. */
import * as z from 'zod';

const folder = z.object({
  name: z.string(),
  mode: z.string(),
  state: z.string(),
  reason: z.string(),
  watch: z.string(),
  queued: z.number(),
  putOff: z.number(),
  synced: z.number(),
  waiting: z.number(),
  parked: z.number(),
  heldDeletes: z.number(),
  filesPerSecond: z.number(),
  bytesPerSecond: z.number(),
  lagSeconds: z.number().optional(),
});
const status = z.object({
  version: z.string(),
  startedAt: z.string(),
  health: z.enum(['ok', 'failing']),
  folders: z.array(folder),
  problems: z.array(z.object({ at: z.string(), level: z.string(), text: z.string() })),
});
export type AgentStatus = z.output<typeof status>;

/** An agent that has just ended or not yet begun does not answer; one that hangs must not hold up the page. */
const PATIENCE_MS = 3_000;

/** `undefined` when nobody answers. @param address `127.0.0.1:PORT`, as the agent logged it */
export async function readAgentStatus(address: string): Promise<AgentStatus | undefined> {
  let answer: Response;
  try {
    answer = await fetch(`http://${address}/status.json`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return undefined;
    return status.parse(await answer.json());
  } catch (error) {
    // fetch tells of a connection that failed with a TypeError.
    if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return undefined;
    throw error;
  }
}
