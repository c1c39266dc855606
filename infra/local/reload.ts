/** Live reload: what changes in the sources is deployed again, and the agent starts anew with it. */
import { watch } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';
import type { ProcessGroup } from './process-group.ts';

export interface ReloadOptions {
  /** Directories of the sources. */
  sources: readonly string[];
  agent: ProcessGroup;
  startAgent: () => Promise<ProcessGroup>;
  stopAgent: (agent: ProcessGroup) => Promise<void>;
  deploy: () => Promise<unknown>;
  onLine: (line: string) => void;
  signal: AbortSignal;
}

export interface ReloadedAgent {
  /** Of an agent that nobody asked to end. */
  ended: Promise<number | string>;
  stop(): Promise<void>;
}

/** An editor saves several files, and each of them more than once. */
const QUIET_MS = 500;

export function reloadOnChange(options: ReloadOptions): ReloadedAgent {
  const { sources, startAgent, stopAgent, deploy, onLine, signal } = options;
  const ended = Promise.withResolvers<number | string>();
  let agent = options.agent;
  let changes = 0;
  let reloading: Promise<void> | undefined;
  const follow = (one: ProcessGroup) =>
    void one.ended.then((how) => {
      if (one === agent && reloading === undefined) ended.resolve(how);
    });
  follow(agent);

  async function reload(): Promise<void> {
    for (let seen = -1; seen !== changes && !signal.aborted; ) {
      seen = changes;
      await delay(QUIET_MS);
      if (seen !== changes) continue;
      try {
        onLine('sources changed: deploying');
        await deploy();
        await stopAgent(agent);
        agent = await startAgent();
        follow(agent);
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
  for (const folder of sources) watchFolder(folder).catch(ended.reject);

  return {
    ended: ended.promise,
    async stop() {
      await reloading;
      await stopAgent(agent);
    },
  };
}
