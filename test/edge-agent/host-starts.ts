/** Starts of the host, as the agent finds itself in them. */
import { hostStart } from '../../edge-agent/older-file.ts';

/** Notes as an index keeps them. */
export function notes(...known: [string, string][]) {
  const map = new Map(known);
  return {
    note: (name: string) => map.get(name),
    setNote: (name: string, value?: string) => void map.set(name, value ?? ''),
  };
}

export function startedAt(sinceMs: number) {
  return hostStart(notes(['boot', 'an-earlier-one 0']), sinceMs, () => 0);
}
