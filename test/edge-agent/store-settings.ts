/** Settings of an agent that has folders, from what a file would say. */
import {
  type AgentSettings,
  agentSettings,
  folderSettings,
  type HostSettings,
} from '#core/settings/agent.ts';

export function storeSettings(file: unknown): AgentSettings {
  return withStore(agentSettings.parse(file));
}

export function withStore(settings: HostSettings): AgentSettings {
  const found = folderSettings(settings);
  if (found === undefined) throw new Error('the settings have no store');
  return found;
}
