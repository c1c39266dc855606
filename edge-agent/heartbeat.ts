/**
 * Says in the bucket that this agent lives and how its folders are, so that someone who sees only the bucket can tell
 * a host that is away from one with nothing to do. No file names: who may read it need not be who may read the files.
 */
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { RESERVED } from '#core/names.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { BucketView } from './bucket-view.ts';
import type { FolderView } from './folder.ts';
import type { Log } from './log.ts';

export interface HeartbeatOptions {
  store: Pick<ObjectStore, 'put'>;
  agent: string;
  version: string;
  startedMs: number;
  everyMs: number;
  views(): readonly FolderView[];
  bucketViews?(): readonly BucketView[];
  log: Log;
  nowMs?: () => number;
}

export interface Heartbeat {
  /** No more beats; resolves when the one in flight has ended. */
  stop(): Promise<void>;
}

function heartbeatKey(agent: string): ObjectKey {
  return objectKey(`${RESERVED.agents}${agent}/heartbeat.json`);
}

/** The first beat goes out at once. A store that is away is said once, and once more when it is back. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { store, agent, everyMs, log, nowMs = Date.now } = options;
  const key = heartbeatKey(agent);
  let failing = '';
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function beat(): Promise<void> {
    try {
      const body = Buffer.from(`${JSON.stringify(beatOf(options, nowMs()), undefined, 2)}\n`);
      await store.put(key, body, { metadata: {}, contentType: 'application/json' });
      if (failing !== '') log.info('the heartbeat is written again', { key });
      failing = '';
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      const { code = error.op } = error;
      if (failing !== code) log.warn(`no heartbeat: ${error.message}`, { key, hint: error.hint });
      failing = code;
    }
    if (!stopped) timer = setTimeout(next, everyMs).unref();
  }

  let beating = beat();
  function next(): void {
    beating = beat();
  }
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await beating;
    },
  };
}

function beatOf(options: HeartbeatOptions, nowMs: number) {
  const { agent, version, startedMs, everyMs, views, bucketViews = () => [] } = options;
  const buckets = bucketViews().map(({ source: _source, target: _target, reason: _reason, ...view }) => view);
  return {
    agent,
    version,
    startedAt: new Date(startedMs).toISOString(),
    at: new Date(nowMs).toISOString(),
    /** By then the next one should be there. */
    nextAt: new Date(nowMs + everyMs).toISOString(),
    folders: views().map(
      ({
        name,
        mode,
        prefix,
        state,
        watch,
        queued,
        putOff,
        synced,
        waiting,
        parked,
        heldDeletes,
        lastScan,
      }) => ({
        name,
        mode,
        prefix,
        state,
        watch,
        queued,
        putOff,
        synced,
        waiting,
        parked,
        heldDeletes,
        ...(lastScan === undefined ? {} : { lastScanAt: new Date(lastScan.endedMs).toISOString() }),
      }),
    ),
    ...(buckets.length === 0 ? {} : { buckets }),
  };
}
