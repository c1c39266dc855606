/** Joins what is gathered, what can be done and what is shown: the page of one running system. */
import type { LocalSystem } from '../system.ts';
import { createActions } from './actions.ts';
import { createCollector } from './collector.ts';
import { type Places, placesText } from './places.ts';
import { partsOf } from './sections.ts';
import { type LiveServer, startLiveServer } from './server.ts';

export interface LivePage {
  url: string;
  /** Works until the signal. */
  follow(): Promise<void>;
  stop(): Promise<void>;
}

/** @param say hears, for the terminal, what a button of the page has done */
export async function openLivePage(
  system: LocalSystem,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<LivePage> {
  const running: { server?: LiveServer } = {};
  const collector = createCollector(system, {
    isWatched: () => running.server?.isWatched() === true,
    signal,
  });
  system.listen(collector.listener);
  let parts = {};
  const server = await startLiveServer({
    parts: () => ({ ...parts, places: placesText(placesOf(system)) }),
    actions: createActions(system, { reconcile: collector.reconcile, say, nowMs: Date.now }),
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

function placesOf({ endpoint, hub, folder, fileManager, agent, agentAddress }: LocalSystem): Places {
  const address = agent.isRunning() ? agentAddress() : undefined;
  return {
    ...{ endpoint, hub, folder, fileManager: fileManager.url },
    agentPage: address === undefined ? undefined : `http://${address}/`,
  };
}
