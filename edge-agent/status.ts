/** What `agent status` says: for each folder what waits, what is parked, and why. */
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { FolderSettings } from '#core/settings/agent.ts';
import { printableName } from './path-bytes.ts';

export interface FolderStatus {
  folder: string;
  path: string;
  waiting: number;
  parked: number;
  files: { path: string; state: string; attempts: number; nextAttempt: string; reason: string }[];
}

export function statusOf(folder: FolderSettings, index: HostIndex): FolderStatus {
  const files = index.unsettled(folder.name).map(({ path, state, attempts, nextAttemptMs, lastError }) => ({
    path: printableName(path),
    state,
    attempts,
    nextAttempt: nextAttemptMs === 0 ? '' : new Date(nextAttemptMs).toISOString(),
    reason: lastError,
  }));
  const count = (state: string) => files.filter((file) => file.state === state).length;
  return {
    folder: folder.name,
    path: folder.path,
    waiting: count('waiting'),
    parked: count('parked'),
    files,
  };
}

export function statusTable(folders: readonly FolderStatus[]): string {
  const lines = folders.flatMap(({ folder, path, waiting, parked, files }) => [
    `${folder} (${path}): ${waiting} waiting, ${parked} parked`,
    ...files.map(
      ({ path: file, state, attempts, nextAttempt, reason }) =>
        `  ${state.padEnd(8)} ${file}${attempts === 0 ? '' : ` tried ${attempts}x, next ${nextAttempt}`}: ${reason}`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}
