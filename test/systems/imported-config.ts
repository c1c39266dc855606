/** The configuration of a predecessor, through the real `agent import`, as a user would do it. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_MAIN, type Place } from '../edge-agent/agent-process.ts';

export type System = 'signstash' | 'file-sync-service' | 'syncd';

export interface Imported {
  exitCode: number | null;
  /** What it printed: agent.yaml. */
  yaml: string;
  notes: string;
}

/** @param more arguments after the file's name */
export function runImport(system: System, base: string, oldConfig: string, ...more: string[]): Imported {
  const file = join(base, `old-${system}`);
  writeFileSync(file, oldConfig);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [AGENT_MAIN, 'import', system, file, ...more],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, NO_COLOR: '1' },
    },
  );
  return { exitCode: status, yaml: stdout, notes: stderr };
}

/** For `agentUnderTest`: the documented configuration with the keys replaced that say where. */
export function importing(
  system: System,
  oldConfig: (place: Place) => string,
  change: (yaml: string) => string = (yaml) => yaml,
  ...more: string[]
): (place: Place) => string {
  return (place) => {
    const { exitCode, yaml, notes } = runImport(system, place.base, oldConfig(place), ...more);
    if (exitCode !== 0) throw new Error(`agent import ${system} ended with ${exitCode}: ${notes}`);
    return change(yaml);
  };
}
