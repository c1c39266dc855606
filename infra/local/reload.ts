/** Live reload: what changes in the sources is deployed again, and the agent starts anew with it. */
import { watch } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';

export interface ReloadOptions {
  /** Directories of the sources. */
  sources: readonly string[];
  restartAgent: () => Promise<void>;
  deploy: () => Promise<unknown>;
  onLine: (line: string) => void;
  signal: AbortSignal;
}

export interface Reloading {
  /** Rejects when the sources cannot be watched. */
  failed: Promise<never>;
  /** Resolves when the reload that is going on has ended. */
  idle(): Promise<void>;
}

/** An editor saves several files, and each of them more than once. */
const QUIET_MS = 500;

export function reloadOnChange(options: ReloadOptions): Reloading {
  const { sources, restartAgent, deploy, onLine, signal } = options;
  const failed = Promise.withResolvers<never>();
  let changes = 0;
  let reloading: Promise<void> | undefined;

  async function reload(): Promise<void> {
    for (let seen = -1; seen !== changes && !signal.aborted; ) {
      seen = changes;
      await delay(QUIET_MS);
      if (seen !== changes) continue;
      try {
        onLine('sources changed: deploying');
        await deploy();
        await restartAgent();
        onLine('reloaded');
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SyncError)) throw error;
        onLine(`not reloaded, waiting for the next change: ${error.message}`);
      }
    }
  }

  async function watchFolder(folder: string): Promise<void> {
    try {
      for await (const { filename } of watch(folder, { recursive: true, signal })) {
        if (filename?.endsWith('.ts') !== true) continue;
        changes++;
        reloading ??= reload().finally(() => {
          reloading = undefined;
        });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  for (const folder of sources) watchFolder(folder).catch(failed.reject);

  return {
    failed: failed.promise,
    async idle() {
      await reloading;
    },
  };
}
