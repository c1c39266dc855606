/** Joins what is gathered, what can be done and what is shown: the page of one running system. */
import type { LocalSystem } from '../system.ts';
import { createActions } from './actions.ts';
import { createCollector } from './collector.ts';
import { partsOf } from './sections.ts';
import { type LiveServer, startLiveServer } from './server.ts';

export interface LivePage {
  url: string;
  /** Works until the signal. */
  follow(): Promise<void>;
  stop(): Promise<void>;
}

export async function openLivePage(system: LocalSystem, signal: AbortSignal): Promise<LivePage> {
  const running: { server?: LiveServer } = {};
  const collector = createCollector(system, {
    isWatched: () => running.server?.isWatched() === true,
    signal,
  });
  system.listen(collector.listener);
  let parts = {};
  const server = await startLiveServer({
    parts: () => parts,
    places: () => {
      const address = system.agentAddress();
      return {
        endpoint: system.endpoint,
        hub: system.hub,
        folder: system.folder,
        fileManager: system.fileManager.url,
        agentPage: address === undefined ? undefined : `http://${address}/`,
      };
    },
    actions: createActions(system, collector.reconcile, Date.now),
    onInterest: collector.hurry,
    nowMs: Date.now,
  });
  running.server = server;
  return {
    url: server.url,
    follow: () =>
      collector.follow((snapshot, samples) => {
        parts = partsOf(snapshot, samples);
        server.push();
      }),
    stop: server.stop,
  };
}
