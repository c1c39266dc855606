/** The configuration of a predecessor, through the real `sluice-agent import`, as a user would do it. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_MAIN, type Place } from '../edge-agent/agent-process.ts';

const COMMAND_ALONE = `
  const { importCommand } = await import(${JSON.stringify(join(import.meta.dirname, '../../edge-agent/import.ts'))});
  process.exitCode = importCommand(process.argv.slice(1));
`;

export type System = 'signstash' | 'file-sync-service' | 'syncd' | 'relic';

export interface Imported {
  exitCode: number | null;
  /** What it printed: agent.yaml. */
  yaml: string;
  notes: string;
}

/** @param more arguments after the file's name */
export function runImport(system: System, base: string, oldConfig: string, ...more: string[]): Imported {
  return importWith([AGENT_MAIN, 'import'], system, base, oldConfig, more);
}

/**
 * For `agentUnderTest`: the documented configuration with the keys replaced that say where. It is the same command
 * without the rest of the agent around it, which takes longer to load than the import to run.
 */
export function importing(
  system: System,
  oldConfig: (place: Place) => string,
  change: (yaml: string) => string = (yaml) => yaml,
  ...more: string[]
): (place: Place) => string {
  return (place) => {
    const { exitCode, yaml, notes } = importWith(
      ['--input-type=module', '--eval', COMMAND_ALONE, '--'],
      system,
      place.base,
      oldConfig(place),
      more,
    );
    if (exitCode !== 0) throw new Error(`sluice-agent import ${system} ended with ${exitCode}: ${notes}`);
    return change(yaml);
  };
}

function importWith(
  command: string[],
  system: System,
  base: string,
  oldConfig: string,
  more: string[],
): Imported {
  const file = join(base, `old-${system}`);
  writeFileSync(file, oldConfig);
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, system, file, ...more], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, NO_COLOR: '1' },
  });
  return { exitCode: status, yaml: stdout, notes: stderr };
}
