/** What every folder gets, and what every folder offers, whatever its mode. */
import type { ByteBudget } from '#adapters/byte-budget.ts';
import type { HostIndex } from '#adapters/host/index-db.ts';
import type { ObjectKey } from '#core/key.ts';
import type { ObjectStore, StoreCapabilities } from '#core/ports.ts';
import type { AgentSettings, FolderSettings } from '#core/settings/agent.ts';
import type { Leases } from './leases.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { HostStart } from './older-file.ts';

export interface FolderContext {
  /** Of this agent: the setting, or the host's. */
  agent: string;
  settings: AgentSettings;
  folder: FolderSettings;
  store: ObjectStore;
  index: HostIndex;
  leases: Leases;
  log: Log;
  metrics: Metrics;
  /** Files that nobody has touched since may be what a power cut has left of them. */
  hostStart: HostStart;
  /** Bounds the bytes of parts held in memory, over all folders. */
  parts: ByteBudget;
  /** What the store was seen to do; `undefined` until it could be asked. */
  capabilities(): StoreCapabilities | undefined;
  /** Throws unless the store has shown that it encrypts as the folder wants it; absent: the folder wants nothing. */
  requireEncryption?(): Promise<void>;
  /** Everything in the folder has been looked at: an absent file proves something from now on. */
  onCompared(): void;
  /** An object was written or deleted: its CDN path is stale. */
  onChanged(key: ObjectKey): void;
}

export interface FolderRunner {
  /** Works until `stop`. Resolves when what comes from now on is noticed; what is there already is being looked at. */
  run(): Promise<void>;
  /** One pass; answers how many files could not be brought to where they belong. */
  once(): Promise<number>;
  /** Takes no more work, and resolves when what is in flight has been finished or given back. */
  stop(): Promise<void>;
  /** Looks now at everything that waits. */
  retry(): void;
  /** Carries out the deletes that the guard holds. */
  approveDeletes(): void;
  view(): FolderView;
}

/** For status page, metrics and heartbeat. */
export interface FolderView {
  name: string;
  path: string;
  prefix: string;
  mode: FolderSettings['mode'];
  /** `unavailable`: the folder is not the one that was synced, or cannot be read. `held`: deletes wait for approval. */
  state: 'starting' | 'working' | 'unavailable' | 'held' | 'stopped';
  /** Why, when `unavailable` or `held`. */
  reason: string;
  /** `fanotify`, `inotify`, `polling`, `queue`, or empty when nothing watches. */
  watch: string;
  /** Paths or keys to look at, those in flight included. While a scan goes on there are more that it has yet to find. */
  queued: number;
  /** Waiting for their time: retries, and files being written. */
  putOff: number;
  /** Rows of the index. */
  synced: number;
  waiting: number;
  parked: number;
  heldDeletes: number;
  /** Absent before the first. */
  lastScan?: { endedMs: number; files: number; directories: number; errors: number };
}
