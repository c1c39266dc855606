/** The directory of index and status socket: made when the agent starts, where it may. */
import { isSystemError } from '#adapters/host/libc.ts';
import { makeDirectory } from '#adapters/host/make-directory.ts';
import { SyncError } from '#core/errors.ts';
import type { HostSettings } from '#core/settings/agent.ts';

/** @throws SyncError `StateDirectory` */
export function makeStateDirectory({ stateDirectory }: Pick<HostSettings, 'stateDirectory'>): void {
  try {
    makeDirectory(stateDirectory, 0o700);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new SyncError(`stateDirectory ${stateDirectory} cannot be made: ${error.code}`, {
      op: 'start',
      key: stateDirectory,
      retryable: false,
      code: 'StateDirectory',
      hint: stateDirectoryHint(stateDirectory),
      cause: error,
    });
  }
}

export function stateDirectoryHint(path: string): string {
  return `Create ${path} for the agent's user (StateDirectory= of its systemd unit does), or correct stateDirectory.`;
}
