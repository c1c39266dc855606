/** `agent status`: from the index, and from the running agent when it answers. */
import { openIndex } from '#adapters/host/index-db.ts';
import { SyncError } from '#core/errors.ts';
import type { AgentSettings } from '#core/settings/agent.ts';
import { indexFile, statusAddress } from './live.ts';
import { statusOf, statusTable } from './status.ts';
import { askStatus } from './status-client.ts';

/** @returns the exit code */
export async function statusCommand(
  settings: AgentSettings,
  options: { json?: boolean | undefined; all?: boolean | undefined },
): Promise<number> {
  const live = await askStatus(statusAddress(settings)).catch((error: unknown) => {
    if (!(error instanceof SyncError)) throw error;
    process.stderr.write(`agent: ${error.message}; what follows is from the index alone\n`);
    return undefined;
  });
  const index = openIfThere(indexFile(settings));
  const folders = settings.folders.map((folder) => statusOf(folder, index, live));
  index?.close();
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ running: live !== undefined, folders }, undefined, 2)}\n`
      : statusTable(folders, { all: options.all === true }),
  );
  return 0;
}

/** An agent that has never run has no index, and nothing waits. */
function openIfThere(file: string) {
  try {
    return openIndex(file, { beside: true });
  } catch (error) {
    if (error instanceof SyncError && error.code === 'IndexAbsent') return undefined;
    throw error;
  }
}
