/** What every import promises. */
import { stringify } from 'yaml';
import type { ImportResult } from '#core/import/imported.ts';
import { type AgentSettings, agentSettings } from '#core/settings/agent.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { withStore } from '../../edge-agent/store-settings.ts';

/** The settings as the agent reads them; throws when it would not. */
export function accepted(imported: ImportResult): AgentSettings {
  if ('problems' in imported) throw new Error(JSON.stringify(imported.problems));
  const result = readSettings(agentSettings, 'agent.yaml', stringify(imported.settings), {});
  if ('problems' in result) throw new Error(result.problems);
  return withStore(result.settings);
}

/** Whether the agent reads it, or else every problem names what it is about and what was expected. */
export function acceptedOrExplained(imported: ImportResult): boolean {
  if (!('problems' in imported)) return accepted(imported).folders.length > 0;
  return (
    imported.problems.length > 0 &&
    imported.problems.every(
      ({ found, expected }) => found !== '' && expected !== '' && expected !== 'Invalid input',
    )
  );
}
