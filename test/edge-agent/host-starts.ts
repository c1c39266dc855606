/** Starts of the host, as the agent finds itself in them. */
import { type HostStart, hostStart } from '../../edge-agent/older-file.ts';

/** Notes as an index keeps them. */
export function notes(...known: [string, string][]) {
  const map = new Map(known);
  return {
    note: (name: string) => map.get(name),
    setNote: (name: string, value?: string) => void map.set(name, value ?? ''),
  };
}

/** After a power cut that has taken the last states of the files: what mtime tests give them is ctime then. */
export function startedAfterLoss(sinceMs: number): HostStart {
  return { ...startedAt(sinceMs), touchedNs: ({ mtimeNs }) => mtimeNs };
}

export function startedAt(sinceMs: number) {
  return hostStart(notes(['boot', 'an-earlier-one 0']), sinceMs, () => 0);
}
