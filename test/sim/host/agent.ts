/** The agent on a simulated host: the real runners of its folders, put together as edge-agent/folders.ts does. */
import { createByteBudget } from '#adapters/byte-budget.ts';
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { ObjectStore } from '#core/ports.ts';
import { type AgentSettings, agentSettings, type FolderSettings } from '#core/settings/agent.ts';
import type { FolderContext, FolderRunner, FolderView } from '../../../edge-agent/folder.ts';
import { createFolderRunner } from '../../../edge-agent/folder-runner.ts';
import { createLeases } from '../../../edge-agent/leases.ts';
import type { Log } from '../../../edge-agent/log.ts';
import { hostStart } from '../../../edge-agent/older-file.ts';
import { openFolder } from '../../../edge-agent/open-folder.ts';
import { createReceiveRunner } from '../../../edge-agent/receive-runner.ts';
import { recallSending } from '../../../edge-agent/unconfirmed.ts';
import type { HostSetup } from './host-setup.ts';

export interface Agent {
  views(): FolderView[];
  approveDeletes(): void;
  stop(): Promise<void>;
  /** Nothing of the process is left in this thread. */
  forget(): void;
}

export interface AgentWorld {
  store: ObjectStore;
  index: HostIndex;
  log: Log;
  nowMs: number;
  /** Whether the store has other ETags than MD5s. */
  opaqueEtags: boolean;
}

/** Files of a few bytes are large here. */
export const PART_BYTES = 16;
const MINUTE_MS = 60_000;
const STORE = { bucket: 'hub', region: 'us-east-1', addressing: 'path', checksum: 'auto' } as const;
const PARSED = agentSettings.parse({
  store: STORE,
  folders: [{ name: 'one', path: '/data/one', prefix: 'one/' }],
});

export async function startAgent(
  setup: HostSetup,
  { store, index, log, nowMs, opaqueEtags }: AgentWorld,
): Promise<Agent> {
  const settings: AgentSettings = {
    ...PARSED,
    store: STORE,
    rescan: MINUTE_MS,
    limits: { ...PARSED.limits, concurrency: setup.concurrency, partBytes: PART_BYTES, minFreeBytes: 0 },
  };
  recallSending(index, [folderOf(setup)]);
  const start = hostStart(index, nowMs, () => 0);
  start.note();
  const leases = createLeases();
  const context: Omit<FolderContext, 'folder'> = {
    agent: setup.name,
    settings,
    store,
    index,
    leases,
    log,
    metrics: { done: () => undefined, lag: () => undefined },
    hostStart: start,
    parts: createByteBudget(4 * PART_BYTES),
    capabilities: () => ({
      crc32: true,
      conditionalPut: true,
      conditionalDelete: true,
      versions: true,
      encryption: opaqueEtags ? 'aws:kms' : 'none',
    }),
    onCompared: () => index.completed(),
    onChanged: () => undefined,
  };
  const runner = runnerOf({ ...context, folder: folderOf(setup) });
  await runner.run();
  return {
    views: () => [runner.view()],
    approveDeletes: () => runner.approveDeletes(),
    stop: () => runner.stop(),
    forget: () => leases.close(),
  };
}

function runnerOf(context: FolderContext): FolderRunner {
  if (context.folder.mode === 'receive') return createReceiveRunner(context);
  return createFolderRunner(context, openFolder);
}

function folderOf({ mode, prefix, path, guardCount, retentionMs }: HostSetup): FolderSettings {
  const [folder] = PARSED.folders;
  if (folder === undefined) throw new Error('the settings have a folder');
  return {
    ...folder,
    mode,
    prefix,
    path,
    guard: { ...folder.guard, count: guardCount },
    ...(retentionMs === undefined ? {} : { retention: { olderThan: retentionMs, expireUnsynced: false } }),
  } as FolderSettings;
}
